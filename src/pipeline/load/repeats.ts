import type { PoolClient } from '../../database/pool.ts';
import type { LoadSubject } from './ledger.ts';
import type { LoadSql } from './load-sql.ts';

/**
 * A file that brings again exactly what an upload left in the table moves no row: one entry says that the rows of that
 * upload count as received when this one was (docs/decisions/0032). Whoever would lose against the entry puts it into
 * the rows first, so that every order of loads still ends in one and the same table.
 */
const CONFIRM = `
INSERT INTO public.load_confirmations AS c (organization_id, schema_type, upload_id, confirmed_by, received_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organization_id, schema_type, upload_id) DO UPDATE
   SET confirmed_by = EXCLUDED.confirmed_by, received_at = EXCLUDED.received_at
 WHERE (c.received_at, c.confirmed_by) < (EXCLUDED.received_at, EXCLUDED.confirmed_by)`;

// A table that was just filled has no statistics: the planner would join it as if it had a few rows, in n² steps.
const JOIN_BY_HASH = 'SET LOCAL enable_nestloop = off';
const JOIN_FREELY = 'RESET enable_nestloop';

interface Comparison {
  readonly same: number;
  readonly owned: number;
}

/** True when the staged and prepared rows, of unique keys, are all the rows of one upload: then all is done. */
export async function confirmRepeat(
  client: PoolClient,
  sql: LoadSql,
  { organizationId, uploadId, schemaType, receivedAt }: LoadSubject,
  staged: number,
): Promise<boolean> {
  const first = await client.query<{ owner: string }>(sql.findOwner, [organizationId]);
  const owner = first.rows[0]?.owner;
  if (owner === undefined) return false;
  await client.query(JOIN_BY_HASH);
  const compared = await client.query<Comparison>(sql.compareStaged, [
    organizationId,
    uploadId,
    receivedAt,
    owner,
  ]);
  await client.query(JOIN_FREELY);
  const [found] = compared.rows;
  if (found?.same !== staged || found.owned !== staged) return false;
  if (owner !== uploadId)
    await client.query(CONFIRM, [organizationId, schemaType, owner, uploadId, receivedAt]);
  return true;
}

/** Puts into the rows what was confirmed of them by this upload, or by those that were received after it. */
export async function settleConfirmations(
  client: PoolClient,
  sql: LoadSql,
  { organizationId, uploadId, schemaType, receivedAt }: LoadSubject,
): Promise<void> {
  await client.query(sql.settleConfirmations, [organizationId, uploadId, receivedAt, schemaType]);
}
