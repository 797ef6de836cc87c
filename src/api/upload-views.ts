import type { RowCounts, UploadRecord, UploadSource, UploadStatus, Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';
import type { UploadId } from '../support/ids.ts';

/** An upload as every answer shows it. Null: not known, or not yet. */
export interface UploadView {
  readonly uploadId: UploadId;
  readonly status: UploadStatus;
  readonly schemaType: string;
  readonly fileName: string;
  readonly source: UploadSource;
  readonly sizeBytes: number | null;
  /** Hexadecimal. */
  readonly sha256: string | null;
  readonly receivedAt: Date | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly rows: RowCounts | null;
  /** The first ten; the others are at `/upload/{id}/errors`. */
  readonly errors: readonly Fault[];
  readonly warnings: readonly Warning[];
  /** True when the gateway, not the file, was at fault: an administrator can run it again. */
  readonly retryable: boolean;
  /** An earlier upload with the same bytes. */
  readonly duplicateOf: UploadId | null;
}

export function uploadView(record: UploadRecord): UploadView {
  return {
    uploadId: record.id,
    status: record.status,
    schemaType: record.schemaType,
    fileName: record.fileName,
    source: record.source,
    sizeBytes: record.sizeBytes,
    sha256: record.sha256,
    receivedAt: record.receivedAt,
    startedAt: record.startedAt,
    completedAt: record.completedAt,
    rows: record.rows,
    errors: record.errors,
    warnings: record.warnings,
    retryable: record.retryable,
    duplicateOf: record.duplicateOf,
  };
}

/** What is known of a file at the moment of its acknowledgement. */
export type ReceivedUpload = Pick<
  UploadView,
  'uploadId' | 'schemaType' | 'fileName' | 'sizeBytes' | 'receivedAt'
>;

/** The upload at the moment when it was acknowledged, although a quick worker may have ended it by now. */
export function acknowledgedView(
  received: ReceivedUpload,
  record: Pick<UploadRecord, 'sha256' | 'duplicateOf'> | undefined,
): UploadView {
  const { uploadId, schemaType, fileName, sizeBytes, receivedAt } = received;
  return {
    uploadId,
    status: 'PENDING',
    schemaType,
    fileName,
    source: 'http',
    sizeBytes,
    sha256: record?.sha256 ?? null,
    receivedAt,
    startedAt: null,
    completedAt: null,
    rows: null,
    errors: [],
    warnings: [],
    retryable: false,
    duplicateOf: record?.duplicateOf ?? null,
  };
}
