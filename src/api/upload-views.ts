import type { RowCounts, UploadRecord, UploadSource, UploadStatus, Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';
import type { UploadId } from '../support/ids.ts';
import { API_PREFIX } from './paths.ts';

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

export interface UploadDetailView extends UploadView {
  /** Milliseconds that each stage took. */
  readonly timings: Timings;
  readonly links: Readonly<Record<string, string>>;
}

interface Timings {
  readonly receivingMs: number | null;
  readonly waitingMs: number | null;
  readonly processingMs: number | null;
  readonly totalMs: number | null;
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

export function uploadDetailView(record: UploadRecord): UploadDetailView {
  const { createdAt, receivedAt, startedAt, completedAt } = record;
  const timings = {
    receivingMs: between(createdAt, receivedAt),
    waitingMs: between(receivedAt, startedAt),
    processingMs: between(startedAt, completedAt),
    totalMs: between(createdAt, completedAt),
  };
  return { ...uploadView(record), timings, links: linksOf(record) };
}

/** The one address of an upload, whatever way it came. */
export function uploadPath(id: UploadId): string {
  return `${API_PREFIX}/upload/${id}`;
}

function linksOf({ id, schemaType, hasReport }: UploadRecord): UploadDetailView['links'] {
  const self = uploadPath(id);
  return {
    self,
    status: `${self}/status`,
    events: `${self}/events`,
    errors: `${self}/errors`,
    ...(hasReport && { rejects: `${self}/rejects.csv` }),
    schema: `${API_PREFIX}/schemas/${encodeURIComponent(schemaType)}`,
  };
}

function between(start: Date | null, end: Date | null): number | null {
  return start && end ? Math.max(0, end.getTime() - start.getTime()) : null;
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

/** The acknowledgement that the first request of an idempotency key was given, again. */
export function replayedView(record: UploadRecord): UploadView {
  const { id: uploadId, schemaType, fileName, sizeBytes, receivedAt } = record;
  return acknowledgedView({ uploadId, schemaType, fileName, sizeBytes, receivedAt }, record);
}
