import { Refusal } from '../../intake/refusal.ts';
import { OPEN_FLAG, STATUS } from '../sftp/protocol.ts';
import { handleReply, okReplies } from '../sftp/replies.ts';
import type {
  HandleRequest,
  OpenRequest,
  PathRequest,
  RenameRequest,
  WriteRequest,
} from '../sftp/requests.ts';
import type { ClientFile } from './client-files.ts';
import { classifyName } from './file-names.ts';
import type { Handles } from './handles.ts';
import { type Place, placeOf } from './paths.ts';
import type { SessionContext } from './session-context.ts';
import { noSuchFile, ok, StatusError } from './status.ts';
import { UploadHandle } from './upload-handle.ts';

/** What sends a file: OPEN, WRITE, CLOSE, and RENAME and REMOVE of a file that is not received yet. */
export class FileRequests {
  readonly #context: SessionContext;
  /** Files that this session has begun and that are not acknowledged. */
  readonly #unfinished: Set<ClientFile>;
  readonly #handles: Handles;

  constructor(context: SessionContext, unfinished: Set<ClientFile>, handles: Handles) {
    this.#context = context;
    this.#unfinished = unfinished;
    this.#handles = handles;
  }

  /** The order of the checks: what is asked, may this process, where, is it free, what name; then the intake's own. */
  async open({ id, path, flags, attributes }: OpenRequest): Promise<Buffer> {
    checkFlags(flags);
    if (this.#context.draining())
      throw new Refusal('DRAINING', 'This server is about to restart. Connect again.');
    const { schemaType, name } = this.#expectFilePlace(placeOf(path));
    // Another session's file of that name may be what a dead connection left: it is replaced, and goes on alone.
    const existing = this.#context.files.get(schemaType, name);
    const own = existing && existing.state !== 'received' && this.#unfinished.has(existing);
    if (own || (existing && flags & OPEN_FLAG.EXCL)) {
      throw new StatusError(
        STATUS.FAILURE,
        'A file of this name has already been sent or is open in this session.',
        'FILE_EXISTS',
      );
    }
    this.#expectShort(name);
    const { kind, format } = classifyName(name);
    this.#handles.expectRoom('file');
    if (kind === 'temporary') this.#expectRoomForStaged();
    const { intake, remoteAddress } = this.#context;
    const access = this.#context.access();
    const upload = await intake.begin({
      access,
      schemaType,
      fileName: name,
      format,
      source: 'sftp',
      remoteAddress,
    });
    const handle = new UploadHandle(upload, this.#context.ahead, attributes.size);
    const file: ClientFile = {
      schemaType,
      name,
      format,
      handle,
      state: 'writing',
      modifiedAt: new Date(),
      openedAt: performance.now(),
    };
    this.#unfinished.add(file);
    this.#context.files.add(file);
    return handleReply(id, this.#handles.add({ kind: 'file', file }));
  }

  /** WRITEs of one handle that follow each other without a gap. All fail when one does. */
  async write(requests: readonly [WriteRequest, ...WriteRequest[]]): Promise<Buffer> {
    const [{ handle, offset }] = requests;
    const file = this.#handles.file(handle);
    await file.handle.write(
      offset,
      requests.flatMap(({ data }) => data),
    );
    file.handle.interruption.note(requests);
    return okReplies(requests.map(({ id }) => id));
  }

  /** OK means: the whole file is durable and will be processed, or is staged under its temporary name. */
  async close({ id, handle }: HandleRequest): Promise<Buffer> {
    const open = this.#handles.close(handle);
    if (open?.kind !== 'file') return ok(id);
    const { file } = open;
    await this.#forgetOnFailure(file, async () => {
      await file.handle.seal();
      if (classifyName(file.name).kind === 'final') await receive(file);
      else file.state = 'staged';
    });
    return ok(id);
  }

  async rename({ id, path, target }: RenameRequest): Promise<Buffer> {
    const file = this.#fileAt(path);
    const to = placeOf(target);
    if (file.state !== 'staged') {
      throw new StatusError(
        STATUS.PERMISSION_DENIED,
        'A file that was received or is still open cannot be renamed.',
        'NO_RENAME',
      );
    }
    if (to.kind !== 'file' || to.schemaType !== file.schemaType) {
      throw new StatusError(
        STATUS.PERMISSION_DENIED,
        'A file can only be renamed within its folder.',
        'NO_RENAME',
      );
    }
    this.#expectShort(to.name);
    const { kind, format } = classifyName(to.name);
    if (format !== file.format) {
      throw new StatusError(
        STATUS.FAILURE,
        'A file keeps its format: .csv stays .csv, and .json stays .json.',
        'BAD_FILE_NAME',
      );
    }
    this.#context.files.rename(file, to.name);
    if (kind === 'final') await this.#forgetOnFailure(file, () => receive(file));
    return ok(id);
  }

  async remove({ id, path }: PathRequest): Promise<Buffer> {
    const file = this.#fileAt(path);
    if (file.state === 'received') {
      if (!this.#isAboutToBeReplaced(file))
        throw new StatusError(STATUS.PERMISSION_DENIED, 'A received file cannot be removed.', 'NO_REMOVE');
      this.#context.files.remove(file);
      return ok(id);
    }
    await this.#forgetOnFailure(file, () =>
      file.handle.abandon(
        new Refusal('INCOMPLETE_FILE', 'The sender removed the file before it was complete.'),
      ),
    );
    this.#context.files.remove(file);
    return ok(id);
  }

  #expectShort(name: string): void {
    const { limits, onLimit } = this.#context;
    if (Buffer.byteLength(name) <= limits.nameBytes) return;
    onLimit('name-length');
    throw new Refusal('BAD_FILE_NAME', `The file name is longer than ${limits.nameBytes} bytes. Shorten it.`);
  }

  #expectRoomForStaged(): void {
    const { limits, onLimit } = this.#context;
    const staged = [...this.#unfinished].filter(({ state }) => state === 'staged').length;
    if (staged < limits.stagedFiles) return;
    onLimit('staged-files');
    throw new StatusError(
      STATUS.FAILURE,
      `${staged} files wait under temporary names. Rename or remove some first.`,
      'TOO_MANY_STAGED_FILES',
    );
  }

  /** WinSCP and Spring remove the target before they rename the new file to it. What was received stays received. */
  #isAboutToBeReplaced({ schemaType, name }: ClientFile): boolean {
    return this.#context.files.inFolder(schemaType).some((other) => {
      const classified = classifyName(other.name);
      return other.state === 'staged' && classified.kind === 'temporary' && classified.final === name;
    });
  }

  #fileAt(path: string): ClientFile {
    const place = placeOf(path);
    const file = place.kind === 'file' ? this.#context.files.get(place.schemaType, place.name) : undefined;
    if (!file) throw noSuchFile();
    return file;
  }

  /** After a failure STAT has to answer "no such file": paramiko and curl believe STAT, not CLOSE. */
  async #forgetOnFailure(file: ClientFile, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#context.files.remove(file);
      throw error;
    }
  }

  #expectFilePlace(place: Place): Extract<Place, { readonly kind: 'file' }> {
    if (place.kind === 'file') return place;
    const enabled = [...this.#context.access().schemaTypes.keys()].sort().map((name) => `/${name}/`);
    const message = `Send files into the folder of their schema type: ${enabled.join(', ') || 'none is enabled'}`;
    throw new StatusError(
      place.kind === 'nowhere' ? STATUS.NO_SUCH_FILE : STATUS.PERMISSION_DENIED,
      message,
      'NOT_A_FILE',
    );
  }
}

async function receive(file: ClientFile): Promise<void> {
  file.modifiedAt = await file.handle.upload.commit(file.name);
  file.state = 'received';
}

/** READ beside WRITE is fine, although nothing can be read: Go's pkg/sftp opens every new file so. */
function checkFlags(flags: number): void {
  if (!(flags & OPEN_FLAG.WRITE)) {
    throw new StatusError(STATUS.PERMISSION_DENIED, 'Files can be sent but not read.', 'WRITE_ONLY');
  }
  if (flags & OPEN_FLAG.APPEND) {
    throw new StatusError(
      STATUS.OP_UNSUPPORTED,
      'Files cannot be resumed or appended to: send the whole file.',
      'NO_APPEND',
    );
  }
}
