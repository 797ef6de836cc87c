import type { FileFormat, UploadStatus } from '../../intake/uploads.ts';
import type { UploadId } from '../../support/ids.ts';
import { MODE } from '../sftp/protocol.ts';
import type { Attributes, NameEntry } from '../sftp/replies.ts';
import type { UploadHandle } from './upload-handle.ts';

/** A file that a client is sending or has sent. Nothing of other clients is ever shown. */
export interface ClientFile {
  readonly schemaType: string;
  name: string;
  readonly format: FileFormat;
  readonly handle: UploadHandle;
  /** `writing`: open; `staged`: closed under a temporary name; `received`: acknowledged. */
  state: 'writing' | 'staged' | 'received';
  modifiedAt: Date;
  /** Milliseconds of the monotonic clock. */
  readonly openedAt: number;
}

export const ROOT_ATTRIBUTES: Attributes = { size: 0, mode: MODE.DIRECTORY | 0o555, modifiedAt: new Date(0) };
export const FOLDER_ATTRIBUTES: Attributes = {
  size: 0,
  mode: MODE.DIRECTORY | 0o755,
  modifiedAt: new Date(0),
};

/**
 * The files of one client by path: of all open sessions of one credential from one address, because clients with
 * a pool of connections (rclone) write on one, and set times, look and rename on another. A file whose upload
 * failed is not there: STAT answers "no such file".
 */
export class ClientFiles {
  readonly #files = new Map<string, ClientFile>();
  readonly #maxRemembered: number;

  /** Received files beyond `maxRemembered` are forgotten, the oldest first. */
  constructor(maxRemembered: number) {
    this.#maxRemembered = maxRemembered;
  }

  get(schemaType: string, name: string): ClientFile | undefined {
    const key = `${schemaType}/${name}`;
    const file = this.#files.get(key);
    if (file && file.state !== 'received' && !file.handle.upload.open) {
      this.#files.delete(key);
      return undefined;
    }
    return file;
  }

  /** Takes the place of another file of that name, which goes on without it. */
  add(file: ClientFile): void {
    const key = `${file.schemaType}/${file.name}`;
    this.#files.delete(key);
    this.#files.set(key, file);
    if (this.#files.size > this.#maxRemembered) this.#forgetOldest();
  }

  remove(file: ClientFile): void {
    const key = `${file.schemaType}/${file.name}`;
    if (this.#files.get(key) === file) this.#files.delete(key);
  }

  rename(file: ClientFile, name: string): void {
    this.remove(file);
    file.name = name;
    this.add(file);
  }

  inFolder(schemaType: string): ClientFile[] {
    return [...this.#files.values()].filter(
      (file) => file.schemaType === schemaType && this.get(schemaType, file.name) === file,
    );
  }

  #forgetOldest(): void {
    const oldest = this.#files.values().find((file) => file.state === 'received');
    if (oldest) this.remove(oldest);
  }
}

export function fileAttributes(file: ClientFile): Attributes {
  return { size: file.handle.upload.size, mode: MODE.FILE | 0o600, modifiedAt: file.modifiedAt };
}

export function folderEntry(schemaType: string): NameEntry {
  const line = longName('drwxr-xr-x', 'piing', 'piing', FOLDER_ATTRIBUTES, schemaType);
  return { name: schemaType, attributes: FOLDER_ATTRIBUTES, longName: line };
}

/** In `ls -l` the owner is the upload id and the group its status, so a plain client can see both. */
export function fileEntry(file: ClientFile, status: UploadStatus): NameEntry {
  const attributes = fileAttributes(file);
  const id: UploadId = file.handle.upload.id;
  return { name: file.name, attributes, longName: longName('-rw-------', id, status, attributes, file.name) };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function longName(
  mode: string,
  owner: string,
  group: string,
  { size, modifiedAt }: Attributes,
  name: string,
): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(modifiedAt.getUTCHours())}:${two(modifiedAt.getUTCMinutes())}`;
  const date = `${MONTHS[modifiedAt.getUTCMonth()]} ${String(modifiedAt.getUTCDate()).padStart(2)} ${time}`;
  return `${mode} 1 ${owner.padEnd(8)} ${group.padEnd(10)} ${String(size).padStart(10)} ${date} ${name}`;
}
