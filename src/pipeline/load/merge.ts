import type { PoolClient } from '../../database/pool.ts';
import type { OrganizationId, UploadId } from '../../support/ids.ts';
import type { MergeSql } from './merge-sql.ts';

/** Which upload is being merged. `receivedAt` is PostgreSQL's text: a Date would lose the microseconds. */
export interface MergeSubject {
  readonly organizationId: OrganizationId;
  readonly uploadId: UploadId;
  readonly schemaType: string;
  readonly table: string;
  readonly receivedAt: string;
}

export interface MergeCounts {
  readonly loaded: number;
  readonly unchanged: number;
}

// One merge at a time for each organization and table: two that touch the same keys would deadlock.
const LOCK = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';

const CLAIM = `
INSERT INTO public.load_ledger (organization_id, upload_id, schema_type, received_at, rows_loaded, rows_unchanged)
VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING`;

const RECORD =
  'UPDATE public.load_ledger SET rows_loaded = $3, rows_unchanged = $4 WHERE organization_id = $1 AND upload_id = $2';

const LOADED_BEFORE = `
SELECT rows_loaded AS loaded, rows_unchanged AS unchanged FROM public.load_ledger
 WHERE organization_id = $1 AND upload_id = $2`;

/** Takes the turn of this organization and table until the transaction ends. */
export async function lockTable(client: PoolClient, { organizationId, table }: MergeSubject): Promise<void> {
  await client.query(LOCK, [`${organizationId}/${table}`]);
}

/** What an earlier run of this upload has merged, if one has. */
async function loadedBefore(
  client: PoolClient,
  { organizationId, uploadId }: MergeSubject,
): Promise<MergeCounts | undefined> {
  const result = await client.query<MergeCounts>(LOADED_BEFORE, [organizationId, uploadId]);
  return result.rows[0];
}

/**
 * Merges the staged rows and writes the ledger, in the caller's transaction. When the ledger already has this
 * upload (a retry, or a worker that was thought dead), nothing changes and the first run's counts are returned.
 */
export async function mergeStaged(
  client: PoolClient,
  sql: MergeSql,
  subject: MergeSubject,
): Promise<MergeCounts> {
  const { organizationId, uploadId, schemaType, receivedAt } = subject;
  const claim = await client.query(CLAIM, [organizationId, uploadId, schemaType, receivedAt]);
  if (claim.rowCount === 0) {
    const before = await loadedBefore(client, subject);
    if (!before) throw new Error(`The ledger entry of upload ${uploadId} disappeared.`);
    return before;
  }
  const merged = await client.query<{ staged: number; written: number; same: number }>(sql.merge, [
    organizationId,
    uploadId,
    receivedAt,
  ]);
  const { staged, written, same } = merged.rows[0] ?? { staged: 0, written: 0, same: 0 };
  const counts = { loaded: written - same, unchanged: staged - (written - same) };
  await client.query(RECORD, [organizationId, uploadId, counts.loaded, counts.unchanged]);
  return counts;
}
