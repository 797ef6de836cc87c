import { inTransaction, type Pool } from '../database/pool.ts';
import type { RowCounts, UploadStatus, Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';

/** An upload as the pipeline needs it. */
export interface ProcessingUpload {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly clientId: string;
  readonly schemaType: string;
  readonly format: 'csv' | 'json';
  readonly objectKey: string;
  /** PostgreSQL's text, with microseconds. */
  readonly receivedAt: string;
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

const START = `
UPDATE piing.uploads u SET status = 'PROCESSING', started_at = COALESCE(u.started_at, now())
 WHERE u.id = $1 AND u.status IN ('PENDING', 'PROCESSING')
RETURNING u.id, u.organization_id AS "organizationId", u.client_id AS "clientId", u.schema_type AS "schemaType",
          u.format, u.object_key AS "objectKey", u.received_at::text AS "receivedAt",
          (SELECT e.transformer FROM piing.schema_enablements e
            WHERE e.organization_id = u.organization_id AND e.schema_type = u.schema_type) AS transformer`;

const FINISH = `
UPDATE piing.uploads
   SET status = $2, completed_at = now(), rows_total = $3, rows_loaded = $4, rows_unchanged = $5,
       rows_rejected = $6, warnings = received_warnings || $7::jsonb, retryable = $8, has_report = $9
 WHERE id = $1 AND status IN ('PENDING', 'PROCESSING')
RETURNING extract(epoch FROM now() - received_at)::float8 AS latency`;

const INSERT_ERRORS = `
INSERT INTO piing.upload_errors (upload_id, ordinal, line, column_name, code, message, value)
SELECT $1, ordinal, line, "column", code, message, value
  FROM jsonb_to_recordset($2::jsonb) AS f(ordinal int, line bigint, "column" text, code text, message text, value text)`;

/** Marks the upload as being processed; undefined when it has already ended. */
export async function startProcessing(pool: Pool, id: UploadId): Promise<ProcessingUpload | undefined> {
  const result = await pool.query<ProcessingUpload>(START, [id]);
  return result.rows[0];
}

/** Records the end, unless another run was first. Returns seconds since receipt, or undefined in that case. */
export async function finishProcessing(
  pool: Pool,
  id: UploadId,
  result: Result,
): Promise<number | undefined> {
  return inTransaction(pool, async (client) => {
    const { status, rows, faults, warnings, retryable, hasReport } = result;
    const counts = rows ? [rows.total, rows.loaded, rows.unchanged, rows.rejected] : [null, null, null, null];
    const values = [id, status, ...counts, JSON.stringify(warnings), retryable, hasReport];
    const finished = await client.query<{ latency: number }>(FINISH, values);
    const row = finished.rows[0];
    if (!row) return undefined;
    await client.query('DELETE FROM piing.upload_errors WHERE upload_id = $1', [id]);
    const numbered = faults.map((fault, ordinal) => ({
      ordinal,
      ...fault,
      value: fault.value?.replaceAll('\0', '␀') ?? null,
    }));
    await client.query(INSERT_ERRORS, [id, JSON.stringify(numbered)]);
    return row.latency;
  });
}

/** Puts a failed upload back to PENDING; false when it is not FAILED. The caller enqueues the job. */
export async function reopenUpload(
  client: Pick<Pool, 'query'>,
  id: UploadId,
): Promise<OrganizationId | undefined> {
  const result = await client.query<{ organizationId: OrganizationId }>(
    `UPDATE piing.uploads
        SET status = 'PENDING', started_at = NULL, completed_at = NULL, retryable = false, rows_total = NULL
      WHERE id = $1 AND status = 'FAILED' AND received_at IS NOT NULL
      RETURNING organization_id AS "organizationId"`,
    [id],
  );
  return result.rows[0]?.organizationId;
}
