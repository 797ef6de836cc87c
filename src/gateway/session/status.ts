import { MAX_REFUSAL_MESSAGE, Refusal } from '../../intake/refusal.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { STATUS, type StatusCode } from '../sftp/protocol.ts';
import { statusReply } from '../sftp/replies.ts';

/** A request that is answered with a status other than OK. The message is for the person at the client. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: StatusCode;
  readonly code: string | undefined;

  constructor(status: StatusCode, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const noSuchFile = () => new StatusError(STATUS.NO_SUCH_FILE, 'No such file.');

export const ok = (id: number): Buffer => statusReply(id, STATUS.OK, 'OK');

/** Version 3 knows few codes, so the reason goes into the text: WinSCP, FileZilla, lftp and rclone show it. */
export function statusOf(id: number, error: unknown, logger: Logger): Buffer {
  if (error instanceof StatusError) return statusReply(id, error.status, withCode(error.message, error.code));
  if (error instanceof Refusal)
    return statusReply(id, refusalStatus(error), withCode(error.message, error.code));
  logger.error({ err: error }, 'SFTP request failed unexpectedly');
  return statusReply(id, STATUS.FAILURE, 'The server could not do this. Try again later. [INTERNAL]');
}

function refusalStatus(refusal: Refusal): StatusCode {
  switch (refusal.code) {
    case 'SCHEMA_NOT_ENABLED':
      return STATUS.NO_SUCH_FILE;
    case 'BAD_FILE_NAME':
    case 'ACCESS_REVOKED':
      return STATUS.PERMISSION_DENIED;
    default:
      return STATUS.FAILURE;
  }
}

/** A sentence and, in brackets, the code to search for, within what clients show. */
function withCode(message: string, code: string | undefined): string {
  const suffix = code ? ` [${code}]` : '';
  const room = MAX_REFUSAL_MESSAGE - suffix.length;
  const text = message.replace(/[\r\n\t]+/g, ' ');
  return (text.length > room ? `${text.slice(0, room - 1)}…` : text) + suffix;
}
