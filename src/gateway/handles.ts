import type { SessionFile } from './session-files.ts';
import { STATUS } from './sftp/protocol.ts';
import type { NameEntry } from './sftp/replies.ts';
import { StatusError } from './status.ts';

/** Files and listings that one session may have open at a time. */
export const MAX_HANDLES = 64;

type Handle =
  | { readonly kind: 'file'; readonly file: SessionFile }
  | { readonly kind: 'listing'; readonly rest: NameEntry[] };

/** The open handles of one session. Numbers are not used again while a session lasts. */
export class Handles {
  readonly #open = new Map<number, Handle>();
  #last = 0;

  /** Call before anything that costs. @throws {StatusError} */
  expectRoom(): void {
    if (this.#open.size < MAX_HANDLES) return;
    throw new StatusError(
      STATUS.FAILURE,
      `${MAX_HANDLES} files are open already. Close some first.`,
      'TOO_MANY_HANDLES',
    );
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
  file(number: number): SessionFile {
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

const notOpen = () => new StatusError(STATUS.FAILURE, 'This handle is not open.', 'BAD_HANDLE');
