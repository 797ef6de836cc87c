import type { PoolClient } from '../../database/pool.ts';
import type { OrganizationId, UploadId } from '../../support/ids.ts';

/** Which upload is being loaded. `receivedAt` is PostgreSQL's text: a Date would lose the microseconds. */
export interface LoadSubject {
  readonly organizationId: OrganizationId;
  readonly uploadId: UploadId;
  readonly schemaType: string;
  readonly table: string;
  readonly receivedAt: string;
}

export interface LoadCounts {
  readonly loaded: number;
  readonly unchanged: number;
}

// One load at a time for each organization and table: rows that are copied without looking at those that are
// there are safe under it alone, and two merges that touch the same keys would deadlock.
const LOCK = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';

// Updates to the same value, so that the entry of an earlier run is read and locked in one step: it may be forgotten
// at any time.
const CLAIM = `
INSERT INTO public.load_ledger AS l (organization_id, upload_id, schema_type, received_at, rows_loaded, rows_unchanged)
VALUES ($1, $2, $3, $4, 0, 0)
ON CONFLICT (organization_id, upload_id) DO UPDATE SET loaded_at = l.loaded_at
RETURNING xmax = 0 AS claimed, rows_loaded AS loaded, rows_unchanged AS unchanged`;

const RECORD =
  'UPDATE public.load_ledger SET rows_loaded = $3, rows_unchanged = $4 WHERE organization_id = $1 AND upload_id = $2';

/** Takes the turn of this organization and table until the transaction ends. */
export async function lockTable(client: PoolClient, { organizationId, table }: LoadSubject): Promise<void> {
  await client.query(LOCK, [`${organizationId}/${table}`]);
}

/**
 * Enters the upload into the ledger, in the caller's transaction. When it is there already (a retry, or a worker
 * that was thought dead), what the first run did is returned, and nothing may be loaded.
 */
export async function claimLoad(client: PoolClient, subject: LoadSubject): Promise<LoadCounts | undefined> {
  const { organizationId, uploadId, schemaType, receivedAt } = subject;
  const values = [organizationId, uploadId, schemaType, receivedAt];
  const { rows } = await client.query<LoadCounts & { claimed: boolean }>(CLAIM, values);
  const [entry] = rows;
  return !entry || entry.claimed ? undefined : { loaded: entry.loaded, unchanged: entry.unchanged };
}

export async function recordLoad(
  client: PoolClient,
  { organizationId, uploadId }: LoadSubject,
  { loaded, unchanged }: LoadCounts,
): Promise<void> {
  await client.query(RECORD, [organizationId, uploadId, loaded, unchanged]);
}
