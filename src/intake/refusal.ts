import { FileFault } from '../schemas/faults.ts';
import { MemoryTakenError } from '../storage/part-memory.ts';
import { StoreUnavailableError } from '../storage/raw-store.ts';

/** Longest sentence that an SFTP status carries, in characters. */
export const MAX_REFUSAL_MESSAGE = 200;

export const REFUSAL_CODES = [
  'BAD_FILE_NAME',
  'SCHEMA_NOT_ENABLED',
  'FILE_TOO_LARGE',
  'EMPTY_FILE',
  'INCOMPLETE_FILE',
  'ACCESS_REVOKED',
  'SERVICE_UNAVAILABLE',
  'DRAINING',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_KEY_IN_USE',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why a file, or the next bytes of one, are not taken. The message is a sentence for the sender. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** A {@link RefusalCode}, or the code of the {@link FileFault} that the first bytes showed. */
  readonly code: string;
  /** True when the same file may be taken later: nothing is wrong with it. */
  readonly retryable: boolean;
  /** What is wrong in the file, when that is the reason. */
  readonly fault: FileFault['fault'] | undefined;

  constructor(code: RefusalCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = cause instanceof FileFault ? cause.code : code;
    this.retryable = code === 'SERVICE_UNAVAILABLE' || code === 'DRAINING';
    this.fault = cause instanceof FileFault ? cause.fault : undefined;
  }

  /** Tells any failure of the intake to the sender, without what only administrators should see. */
  static from(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof FileFault) return new Refusal('INCOMPLETE_FILE', error.message, error);
    if (error instanceof MemoryTakenError)
      return new Refusal(
        'SERVICE_UNAVAILABLE',
        'The server is busy and this file came slowly. Nothing was stored: send the file again later.',
        error,
      );
    const what = error instanceof StoreUnavailableError ? 'The file store' : 'The upload database';
    return new Refusal(
      'SERVICE_UNAVAILABLE',
      `${what} cannot be reached. Nothing was stored: send the file again later.`,
      error,
    );
  }
}

/** More bytes came than are allowed. */
export function tooLarge(maxBytes: number): Refusal {
  const megabytes = Math.round((maxBytes / 1024 / 1024) * 100) / 100;
  return new Refusal(
    'FILE_TOO_LARGE',
    `The file is larger than ${megabytes} MB (${maxBytes} bytes), the most that is accepted. Split it and send the parts.`,
  );
}

/** A refusal as the upload's record keeps it. */
export function asFault(refusal: Refusal): FileFault['fault'] {
  return (
    refusal.fault ?? { line: null, column: null, code: refusal.code, message: refusal.message, value: null }
  );
}
