import { STATUS } from '../sftp/protocol.ts';
import type { NameEntry } from '../sftp/replies.ts';
import type { ClientFile } from './client-files.ts';
import type { SessionContext } from './session-context.ts';
import { StatusError } from './status.ts';

type Handle =
  | { readonly kind: 'file'; readonly file: ClientFile }
  | { readonly kind: 'listing'; readonly rest: NameEntry[] };

/** The open handles of one session. Numbers are not used again while a session lasts. */
export class Handles {
  readonly #context: Pick<SessionContext, 'limits' | 'onLimit'>;
  readonly #open = new Map<number, Handle>();
  #last = 0;

  constructor(context: Pick<SessionContext, 'limits' | 'onLimit'>) {
    this.#context = context;
  }

  /** Call before anything that costs. @throws {StatusError} */
  expectRoom(kind: Handle['kind']): void {
    const { limits, onLimit } = this.#context;
    const files = [...this.#open.values()].filter((handle) => handle.kind === 'file').length;
    if (kind === 'file' && files >= limits.openFiles) {
      onLimit('open-files');
      throw tooMany(`${limits.openFiles} files are open already. Close some first.`);
    }
    if (this.#open.size >= limits.handles) {
      onLimit('handles');
      throw tooMany(`${limits.handles} files and folders are open already. Close some first.`);
    }
  }

  add(handle: Handle): number {
    this.#last = (this.#last + 1) >>> 0;
    this.#open.set(this.#last, handle);
    return this.#last;
  }

  /** Takes a handle out; undefined when it is not open. */
  close(number: number): Handle | undefined {
    const handle = this.#open.get(number);
    this.#open.delete(number);
    return handle;
  }

  /** @throws {StatusError} when no file is open under this number */
  file(number: number): ClientFile {
    const handle = this.#open.get(number);
    if (handle?.kind !== 'file') throw notOpen();
    return handle.file;
  }

  /** The entries that have not been read yet. @throws {StatusError} */
  listing(number: number): NameEntry[] {
    const handle = this.#open.get(number);
    if (handle?.kind !== 'listing') throw notOpen();
    return handle.rest;
  }
}

const tooMany = (message: string) => new StatusError(STATUS.FAILURE, message, 'TOO_MANY_HANDLES');
const notOpen = () => new StatusError(STATUS.FAILURE, 'This handle is not open.', 'BAD_HANDLE');
