import type { WarningCode } from '../schemas/fault-catalogue.ts';
import type { Fault } from '../schemas/faults.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';

export type UploadStatus =
  | 'RECEIVING'
  | 'PENDING'
  | 'PROCESSING'
  | 'COMPLETED'
  | 'PARTIALLY_COMPLETED'
  | 'FAILED'
  | 'ABANDONED';
export type UploadSource = 'sftp' | 'http';
export type FileFormat = 'csv' | 'json';

export const FINAL_STATUSES: ReadonlySet<UploadStatus> = new Set([
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ABANDONED',
]);

export interface RowCounts {
  readonly total: number;
  readonly loaded: number;
  /** Already there with the same values, or superseded by a row received later or further down in the file. */
  readonly unchanged: number;
  readonly rejected: number;
}

/** A remark that did not stop the file. */
export interface Warning {
  readonly code: WarningCode;
  readonly message: string;
}

/** What is known of one upload, as the API and the command line show it. */
export interface UploadRecord {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly clientId: string;
  readonly schemaType: string;
  readonly fileName: string;
  readonly format: FileFormat;
  readonly source: UploadSource;
  readonly objectKey: string;
  readonly status: UploadStatus;
  readonly sizeBytes: number | null;
  /** Hexadecimal. */
  readonly sha256: string | null;
  readonly duplicateOf: UploadId | null;
  /** Until when its idempotency key stands for it; null when it has none. */
  readonly idempotencyKeyExpiresAt: Date | null;
  readonly createdAt: Date;
  readonly receivedAt: Date | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly rows: RowCounts | null;
  readonly warnings: readonly Warning[];
  readonly retryable: boolean;
  readonly hasReport: boolean;
  /** When retention took the raw file away; the upload can no longer be run again. */
  readonly rawRemovedAt: Date | null;
  /** The first {@link ERRORS_SHOWN} errors. */
  readonly errors: readonly Fault[];
}

export const ERRORS_SHOWN = 10;

/** Hours for which an idempotency key stands for its upload. Afterwards the key is as good as new. */
export const IDEMPOTENCY_KEY_HOURS = 24;
