import { Refusal } from '../../intake/refusal.ts';
import { STATUS } from '../sftp/protocol.ts';
import { attributesReply, isLimitsRequest, limitsReply, nameReply, versionReply } from '../sftp/replies.ts';
import type { SftpRequest, WriteRequest } from '../sftp/requests.ts';
import { type ClientFile, fileAttributes } from './client-files.ts';
import { FileRequests } from './file-requests.ts';
import { FolderRequests } from './folder-requests.ts';
import { Handles } from './handles.ts';
import { normalisePath } from './paths.ts';
import type { SessionContext } from './session-context.ts';
import { ok, StatusError, statusOf } from './status.ts';

/**
 * Answers one SFTP channel's requests, one after the other: replies leave in the order of the requests
 * (paramiko hangs otherwise), and CLOSE, FSETSTAT and STAT see every WRITE before them.
 */
export class SftpSession {
  readonly #context: SessionContext;
  /** Files that this session has begun and that are not acknowledged. */
  readonly #unfinished = new Set<ClientFile>();
  readonly #handles: Handles;
  readonly #fileRequests: FileRequests;
  readonly #folderRequests: FolderRequests;
  #answering = 0;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#handles = new Handles(context);
    this.#fileRequests = new FileRequests(context, this.#unfinished, this.#handles);
    this.#folderRequests = new FolderRequests(context, this.#handles);
  }

  /** Never rejects: what goes wrong becomes a status. */
  async answer(request: SftpRequest): Promise<Buffer> {
    const began = performance.now();
    this.#answering += 1;
    try {
      return request.type === 'init' ? versionReply() : await this.#dispatch(request);
    } catch (error) {
      return this.#refuse(error, request.type === 'init' ? [] : [request.id]);
    } finally {
      this.#answering -= 1;
      this.#context.onAnswered(request.type, 1, (performance.now() - began) / 1_000);
    }
  }

  /** Answers WRITEs of one handle that follow each other without a gap, together. Never rejects. */
  async answerWrites(requests: readonly [WriteRequest, ...WriteRequest[]]): Promise<Buffer> {
    const began = performance.now();
    this.#answering += 1;
    try {
      return await this.#fileRequests.write(requests);
    } catch (error) {
      return this.#refuse(
        error,
        requests.map(({ id }) => id),
      );
    } finally {
      this.#answering -= 1;
      this.#context.onAnswered('write', requests.length, (performance.now() - began) / 1_000);
    }
  }

  #refuse(error: unknown, ids: readonly number[]): Buffer {
    const { logger, onRefused } = this.#context;
    if ((error instanceof StatusError || error instanceof Refusal) && error.code !== undefined)
      onRefused(error.code, error.message);
    return Buffer.concat(ids.map((id) => statusOf(id, error, logger)));
  }

  /** True while the client waits for the gateway and not the other way round. */
  get busy(): boolean {
    return this.#answering > 0;
  }

  get unfinishedUploads(): number {
    return this.#openFiles().length;
  }

  /** True while a file is open for writing. */
  get receiving(): boolean {
    return this.#openFiles().some((file) => file.state === 'writing');
  }

  /** Takes over what a session of the same client has staged; another session may still rename it. */
  inherit(from: SftpSession): void {
    for (const file of from.#openFiles()) {
      if (file.state !== 'staged') continue;
      from.#unfinished.delete(file);
      this.#unfinished.add(file);
    }
  }

  #openFiles(): ClientFile[] {
    for (const file of this.#unfinished)
      if (file.state === 'received' || !file.handle.upload.open) this.#unfinished.delete(file);
    return [...this.#unfinished];
  }

  /** Ends every file that is not acknowledged: the session is over, or may not go on. */
  async abandonAll(reason: Refusal): Promise<void> {
    for (const file of this.#openFiles()) await file.handle.abandon(reason);
  }

  /** Ends the files that were opened before this time, in milliseconds of the monotonic clock. */
  async abandonOlderThan(time: number, onEach: () => void): Promise<void> {
    for (const file of this.#openFiles()) {
      if (file.openedAt >= time) continue;
      onEach();
      await file.handle.abandon(
        new Refusal('INCOMPLETE_FILE', 'The file took too long. Send it again, in smaller files if need be.'),
      );
    }
  }

  /** What the credential may do has changed: ends or limits the open files that it concerns. */
  async applyAccess(): Promise<void> {
    const { schemaTypes, maxFileBytes } = this.#context.access();
    for (const file of this.#openFiles()) {
      file.handle.upload.limitSize(maxFileBytes);
      if (schemaTypes.has(file.schemaType)) continue;
      await file.handle.abandon(
        new Refusal('SCHEMA_NOT_ENABLED', `${file.schemaType} was disabled for your organization.`),
      );
    }
  }

  #dispatch(request: Exclude<SftpRequest, { readonly type: 'init' }>): Promise<Buffer> | Buffer {
    switch (request.type) {
      case 'write':
        return this.#fileRequests.write([request]);
      case 'open':
        return this.#fileRequests.open(request);
      case 'close':
        return this.#fileRequests.close(request);
      case 'rename':
        return this.#fileRequests.rename(request);
      case 'remove':
        return this.#fileRequests.remove(request);
      case 'opendir':
        return this.#folderRequests.openDirectory(request);
      case 'readdir':
        return this.#folderRequests.readDirectory(request);
      case 'stat':
        return attributesReply(request.id, this.#folderRequests.attributesAt(request.path));
      case 'fstat':
        return attributesReply(request.id, fileAttributes(this.#handles.file(request.handle)));
      case 'realpath':
        return realPath(request.id, request.path);
      case 'setstat':
        // Modes and times mean nothing here, but WinSCP, rclone and sshj fail the upload when they are refused.
        this.#folderRequests.attributesAt(request.path);
        return ok(request.id);
      case 'fsetstat':
        this.#handles.file(request.handle).handle.announceSize(request.attributes.size);
        return ok(request.id);
      case 'extended':
        if (isLimitsRequest(request.name)) return limitsReply(request.id, this.#context.limits.handles);
        throw new StatusError(STATUS.OP_UNSUPPORTED, 'This extension is not supported.', 'UNSUPPORTED');
      default:
        throw refusalOf(request.type);
    }
  }
}

/** REALPATH of any path, there or not: OpenSSH and curl give up when it is refused. */
function realPath(id: number, path: string): Buffer {
  const name = normalisePath(path);
  return nameReply(id, [{ name, longName: name, attributes: { size: 0, mode: 0, modifiedAt: new Date(0) } }]);
}

/** What this service never does, and why. */
function refusalOf(type: 'read' | 'mkdir' | 'rmdir' | 'symlink' | 'readlink' | 'unknown'): StatusError {
  switch (type) {
    case 'read':
      return new StatusError(STATUS.PERMISSION_DENIED, 'Files can be sent but not read.', 'WRITE_ONLY');
    case 'mkdir':
    case 'rmdir':
    case 'symlink':
      return new StatusError(
        STATUS.PERMISSION_DENIED,
        'The folders are your enabled schema types and cannot be changed.',
        'FIXED_FOLDERS',
      );
    case 'readlink':
      return new StatusError(STATUS.NO_SUCH_FILE, 'There are no links here.', 'NO_SUCH_FILE');
    case 'unknown':
      return new StatusError(STATUS.OP_UNSUPPORTED, 'This request is not supported.', 'UNSUPPORTED');
  }
}
