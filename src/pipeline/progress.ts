import { inTransaction, type Pool, type Queryable } from '../database/pool.ts';
import type { RowCounts, UploadStatus, Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import { announceUpload } from '../webhooks/announce.ts';

/** An upload as the pipeline needs it. */
export interface ProcessingUpload {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly clientId: string;
  readonly schemaType: string;
  readonly format: 'csv' | 'json';
  readonly objectKey: string;
  readonly sizeBytes: number;
  /** PostgreSQL's text, with microseconds. */
  readonly receivedAt: string;
  /** An earlier upload had the same bytes, and they are so many that leaving its rows alone is worth a look. */
  readonly repeats: boolean;
  /** Null when the schema type is no longer enabled. */
  readonly transformer: TransformerSpec | null;
}

/** How the pipeline ended with an upload. */
export interface Result {
  readonly status: Extract<UploadStatus, 'COMPLETED' | 'PARTIALLY_COMPLETED' | 'FAILED'>;
  readonly rows: RowCounts | undefined;
  /** The first errors, in the file's order. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Warning[];
  readonly retryable: boolean;
  readonly hasReport: boolean;
}

/** Below it replacing the rows is quick, and looking for all rows of an upload means reading the whole table. */
const REPEAT_BYTES = 1024 * 1024;

const START = `
UPDATE piing.uploads u SET status = 'PROCESSING', started_at = COALESCE(u.started_at, now())
 WHERE u.id = $1 AND u.status IN ('PENDING', 'PROCESSING')
RETURNING u.id, u.organization_id AS "organizationId", u.client_id AS "clientId", u.schema_type AS "schemaType",
          u.format, u.object_key AS "objectKey", u.size_bytes AS "sizeBytes", u.received_at::text AS "receivedAt",
          u.duplicate_of IS NOT NULL AND u.size_bytes > ${REPEAT_BYTES} AS repeats,
          (SELECT e.transformer FROM piing.schema_enablements e
            WHERE e.organization_id = u.organization_id AND e.schema_type = u.schema_type) AS transformer`;

const FINISH = `
UPDATE piing.uploads
   SET status = $2, completed_at = now(), rows_total = $3, rows_loaded = $4, rows_unchanged = $5,
       rows_rejected = $6, warnings = received_warnings || $7::jsonb, retryable = $8, has_report = $9
 WHERE id = $1 AND status IN ('PENDING', 'PROCESSING')
RETURNING organization_id AS "organizationId", schema_type AS "schemaType",
          (SELECT extract(epoch FROM now() - j.created_at)::float8 FROM piing.jobs j
            WHERE j.upload_id = uploads.id AND j.lane <> 'replay') AS latency`;

const INSERT_ERRORS = `
INSERT INTO piing.upload_errors (upload_id, ordinal, line, column_name, code, message, value)
SELECT $1, ordinal, line, "column", code, message, value
  FROM jsonb_to_recordset($2::jsonb) AS f(ordinal int, line bigint, "column" text, code text, message text, value text)`;

/** Marks the upload as being processed; undefined when it has already ended. */
export async function startProcessing(pool: Pool, id: UploadId): Promise<ProcessingUpload | undefined> {
  const result = await pool.query<ProcessingUpload>(START, [id]);
  return result.rows[0];
}

/** An upload whose end was recorded. */
export interface Finished {
  readonly organizationId: OrganizationId;
  readonly schemaType: string;
  /** Seconds since the acknowledgement, or since it was asked to run again; null for replays, which may wait. */
  readonly latency: number | null;
}

/** Records the end; undefined when another run was first. */
export async function finishProcessing(
  pool: Pool,
  id: UploadId,
  result: Result,
): Promise<Finished | undefined> {
  return inTransaction(pool, (client) => finish(client, id, result));
}

async function finish(client: Queryable, id: UploadId, result: Result): Promise<Finished | undefined> {
  const { status, rows, faults, warnings, retryable, hasReport } = result;
  const counts = rows ? [rows.total, rows.loaded, rows.unchanged, rows.rejected] : [null, null, null, null];
  const values = [id, status, ...counts, toJsonb(warnings), retryable, hasReport];
  const finished = await client.query<Finished>(FINISH, values);
  const row = finished.rows[0];
  if (!row) return undefined;
  const numbered = faults.map((fault, ordinal) => ({ ordinal, ...fault }));
  if (numbered.length > 0) await client.query(INSERT_ERRORS, [id, toJsonb(numbered)]);
  await announceUpload(client, id);
  return row;
}

/** Warnings and errors quote what a file has; NUL and half characters, which jsonb does not take, are shown as signs. */
function toJsonb(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.toWellFormed().replaceAll('\0', '␀') : part,
  );
}

export const CANCELLED: Result = {
  status: 'FAILED',
  rows: undefined,
  faults: [
    {
      line: null,
      column: null,
      code: 'CANCELLED',
      message:
        'An administrator stopped the processing of this file. Nothing of it was loaded: it can be run again.',
      value: null,
    },
  ],
  warnings: [],
  retryable: true,
  hasReport: false,
};

/** Records, in the caller's transaction, that an upload will not be processed further; undefined when it has ended. */
export async function cancelProcessing(client: Queryable, id: UploadId): Promise<Finished | undefined> {
  return finish(client, id, CANCELLED);
}

const REOPEN = `
UPDATE piing.uploads
   SET status = 'PENDING', started_at = NULL, completed_at = NULL, retryable = false, rows_total = NULL,
       rows_loaded = NULL, rows_unchanged = NULL, rows_rejected = NULL, warnings = received_warnings, has_report = false
 WHERE id = $1 AND status = ANY($2) AND received_at IS NOT NULL AND raw_removed_at IS NULL
RETURNING organization_id AS "organizationId"`;

/**
 * Puts an ended upload back to PENDING, without what its last run said of it; undefined when its status is another one
 * or its raw file is gone. The caller enqueues the job in the same transaction.
 */
export async function reopenUpload(
  client: Queryable,
  id: UploadId,
  from: readonly UploadStatus[] = ['FAILED'],
): Promise<OrganizationId | undefined> {
  const result = await client.query<{ organizationId: OrganizationId }>(REOPEN, [id, from]);
  if (result.rowCount === 0) return undefined;
  await client.query('DELETE FROM piing.upload_errors WHERE upload_id = $1', [id]);
  // Retention may have noted the old report; the next run writes another one of the same name.
  await client.query('DELETE FROM piing.removals WHERE upload_id = $1', [id]);
  return result.rows[0]?.organizationId;
}
