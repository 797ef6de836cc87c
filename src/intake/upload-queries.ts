import type { Queryable } from '../database/pool.ts';
import type { Fault } from '../schemas/faults.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import {
  ERRORS_SHOWN,
  IDEMPOTENCY_KEY_HOURS,
  type RowCounts,
  type UploadRecord,
  type UploadSource,
  type UploadStatus,
} from './uploads.ts';

const SELECT_UPLOAD = `
SELECT u.id, u.organization_id AS "organizationId", u.client_id AS "clientId", u.schema_type AS "schemaType",
       u.file_name AS "fileName", u.format, u.source, u.object_key AS "objectKey", u.status,
       u.size_bytes AS "sizeBytes", encode(u.sha256, 'hex') AS sha256, u.duplicate_of AS "duplicateOf",
       CASE WHEN u.idempotency_key IS NOT NULL
            THEN u.created_at + make_interval(hours => ${IDEMPOTENCY_KEY_HOURS}) END AS "idempotencyKeyExpiresAt",
       u.created_at AS "createdAt", u.received_at AS "receivedAt", u.started_at AS "startedAt",
       u.completed_at AS "completedAt", u.warnings, u.retryable, u.has_report AS "hasReport",
       u.raw_removed_at AS "rawRemovedAt",
       u.rows_total, u.rows_loaded, u.rows_unchanged, u.rows_rejected,
       (SELECT COALESCE(jsonb_agg(e ORDER BY e.ordinal), '[]') FROM (
          SELECT ordinal, line, column_name AS "column", code, message, value
            FROM piing.upload_errors WHERE upload_id = u.id ORDER BY ordinal LIMIT ${ERRORS_SHOWN}) e) AS errors
  FROM piing.uploads u`;

interface UploadRow extends Omit<UploadRecord, 'rows' | 'errors'> {
  readonly rows_total: number | null;
  readonly rows_loaded: number | null;
  readonly rows_unchanged: number | null;
  readonly rows_rejected: number | null;
  readonly errors: readonly (Fault & { readonly ordinal: number })[];
}

/** One upload, or undefined. With an organization, another organization's upload does not exist. */
export async function findUpload(
  db: Queryable,
  id: UploadId,
  organizationId?: OrganizationId,
): Promise<UploadRecord | undefined> {
  const sql = `${SELECT_UPLOAD} WHERE u.id = $1 AND ($2::text IS NULL OR u.organization_id = $2)`;
  const result = await db.query<UploadRow>(sql, [id, organizationId ?? null]);
  return result.rows[0] && toRecord(result.rows[0]);
}

export interface UploadFilter {
  readonly organizationId?: OrganizationId | undefined;
  readonly schemaType?: string | undefined;
  readonly status?: UploadStatus | undefined;
  readonly source?: UploadSource | undefined;
  /** The exact name, or a pattern in which `*` stands for any characters, in any case of letters. */
  readonly fileName?: string | undefined;
  /** Only uploads that began at this time or later. */
  readonly since?: Date | undefined;
  /** Only uploads that began before this time. */
  readonly until?: Date | undefined;
  /** Only uploads older than this one: where the page before ended. */
  readonly before?: UploadId | undefined;
  readonly limit: number;
}

/** Uploads, newest first. Ids are time-ordered, so the id is the cursor and pages stay stable. */
export async function listUploads(db: Queryable, filter: UploadFilter): Promise<UploadRecord[]> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition.replace('?', `$${values.length}`));
  };
  where('u.organization_id = ?', filter.organizationId);
  where('u.schema_type = ?', filter.schemaType);
  where('u.status = ?', filter.status);
  where('u.source = ?', filter.source);
  if (filter.fileName?.includes('*')) where('u.file_name ILIKE ?', likePattern(filter.fileName));
  else where('u.file_name = ?', filter.fileName);
  where('u.created_at >= ?', filter.since);
  where('u.created_at < ?', filter.until);
  // The times say what is wanted; the ids, which the index has, say where to look for it.
  where('u.id >= ?', filter.since && firstIdAt(filter.since.getTime() - CLOCK_LEEWAY_MS));
  where('u.id < ?', filter.until && firstIdAt(filter.until.getTime() + CLOCK_LEEWAY_MS));
  where('u.id < ?', filter.before);
  values.push(filter.limit);
  const sql = `${SELECT_UPLOAD} ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
    ORDER BY u.id DESC LIMIT $${values.length}`;
  const result = await db.query<UploadRow>(sql, values);
  return result.rows.map(toRecord);
}

/** The stored errors of an upload in the file's order, from `offset` on. */
export async function listErrors(
  db: Queryable,
  id: UploadId,
  offset: number,
  limit: number,
): Promise<Fault[]> {
  const result = await db.query<Fault>(
    `SELECT line, column_name AS "column", code, message, value FROM piing.upload_errors
      WHERE upload_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3`,
    [id, offset, limit],
  );
  return result.rows;
}

/** The current status of each upload: what `ls -l` shows. */
export async function uploadStatuses(
  db: Queryable,
  ids: readonly UploadId[],
): Promise<Map<UploadId, UploadStatus>> {
  if (ids.length === 0) return new Map();
  const result = await db.query<{ id: UploadId; status: UploadStatus }>(
    'SELECT id, status FROM piing.uploads WHERE id = ANY($1::uuid[])',
    [ids],
  );
  return new Map(result.rows.map((row) => [row.id, row.status]));
}

/** An id has the time of the process that made it, `created_at` the database's. Clocks do not differ by more. */
const CLOCK_LEEWAY_MS = 60 * 60_000;

/** The smallest id that an upload begun at that time can have (RFC 9562, section 5.7). */
function firstIdAt(milliseconds: number): string {
  const hex = Math.max(0, milliseconds).toString(16).padStart(12, '0').slice(-12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

function likePattern(fileName: string): string {
  return fileName.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
}

function toRecord(row: UploadRow): UploadRecord {
  const { rows_total, rows_loaded, rows_unchanged, rows_rejected, errors, ...rest } = row;
  const rows: RowCounts | null =
    rows_total === null
      ? null
      : {
          total: rows_total,
          loaded: rows_loaded ?? 0,
          unchanged: rows_unchanged ?? 0,
          rejected: rows_rejected ?? 0,
        };
  const plain = errors.map(({ line, column, code, message, value }) => ({
    line,
    column,
    code,
    message,
    value,
  }));
  return { ...rest, rows, errors: plain };
}
