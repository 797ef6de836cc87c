import type { Intake } from '../../intake/intake.ts';
import type { UploadStatus } from '../../intake/uploads.ts';
import type { UploadId } from '../../support/ids.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Access } from '../../tenancy/access.ts';
import type { LimitName, SftpLimits } from '../limits.ts';
import type { SftpRequest } from '../sftp/requests.ts';
import type { ClientFiles } from './client-files.ts';
import type { AheadBuffer } from './upload-handle.ts';

/** What a session needs from the world around it. */
export interface SessionContext {
  /** What the credential may do at this moment; changes while the session is open. */
  access(): Access;
  readonly intake: Intake;
  readonly statuses: (ids: readonly UploadId[]) => Promise<Map<UploadId, UploadStatus>>;
  readonly remoteAddress: string;
  readonly logger: Logger;
  /** What the client has sent on this and its other open sessions. */
  readonly files: ClientFiles;
  readonly limits: SftpLimits;
  /** Room for pieces that came before their predecessors. */
  readonly ahead: AheadBuffer;
  /** Counts and logs that a limit was met. */
  onLimit(limit: LimitName): void;
  /** Counts and logs that a request was refused, under the code that the client sees. */
  onRefused(code: string, reason: string): void;
  /** Counts and times requests that were answered; `count` of one type at once. */
  onAnswered(type: SftpRequest['type'], count: number, seconds: number): void;
  /** True while the process drains: open files may finish, new ones are refused. */
  draining(): boolean;
}
