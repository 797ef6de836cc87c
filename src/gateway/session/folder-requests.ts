import { STATUS } from '../sftp/protocol.ts';
import { type Attributes, handleReply, type NameEntry, nameReply } from '../sftp/replies.ts';
import type { HandleRequest, PathRequest } from '../sftp/requests.ts';
import {
  FOLDER_ATTRIBUTES,
  fileAttributes,
  fileEntry,
  folderEntry,
  ROOT_ATTRIBUTES,
} from './client-files.ts';
import type { Handles } from './handles.ts';
import { placeOf } from './paths.ts';
import type { SessionContext } from './session-context.ts';
import { noSuchFile, StatusError } from './status.ts';

/** Entries in one answer to READDIR; far below the longest packet. */
const ENTRIES_PER_REPLY = 100;

/** What looks around: STAT, OPENDIR, READDIR. */
export class FolderRequests {
  readonly #context: SessionContext;
  readonly #handles: Handles;

  constructor(context: SessionContext, handles: Handles) {
    this.#context = context;
    this.#handles = handles;
  }

  /** @throws {StatusError} "no such file" for whatever this tenant cannot see */
  attributesAt(path: string): Attributes {
    const place = placeOf(path);
    if (place.kind === 'root') return ROOT_ATTRIBUTES;
    if (place.kind === 'nowhere' || !this.#context.access().schemaTypes.has(place.schemaType))
      throw noSuchFile();
    if (place.kind === 'folder') return FOLDER_ATTRIBUTES;
    const file = this.#context.files.get(place.schemaType, place.name);
    if (!file) throw noSuchFile();
    return fileAttributes(file);
  }

  async openDirectory({ id, path }: PathRequest): Promise<Buffer> {
    this.attributesAt(path);
    const place = placeOf(path);
    if (place.kind === 'file')
      throw new StatusError(STATUS.FAILURE, 'This is a file, not a folder.', 'NOT_A_FOLDER');
    this.#handles.expectRoom('listing');
    const rest = place.kind === 'folder' ? await this.#listFolder(place.schemaType) : this.#listRoot();
    return handleReply(id, this.#handles.add({ kind: 'listing', rest }));
  }

  readDirectory({ id, handle }: HandleRequest): Buffer {
    const rest = this.#handles.listing(handle);
    if (rest.length === 0) throw new StatusError(STATUS.EOF, 'End of listing.');
    return nameReply(id, rest.splice(0, ENTRIES_PER_REPLY));
  }

  #listRoot(): NameEntry[] {
    return [...this.#context.access().schemaTypes.keys()].sort().map(folderEntry);
  }

  async #listFolder(schemaType: string): Promise<NameEntry[]> {
    const files = this.#context.files.inFolder(schemaType);
    const received = files.filter((file) => file.state === 'received').map((file) => file.handle.upload.id);
    const statuses = await this.#context.statuses(received);
    return files.map((file) => fileEntry(file, statuses.get(file.handle.upload.id) ?? 'RECEIVING'));
  }
}
