import { inTransaction, type Pool, type PoolClient, type Queryable } from '../database/pool.ts';

/** The lock of `piing.operator_may_write`: whoever changes who is in charge waits for what is being written. */
const LOCK = 'SELECT pg_advisory_xact_lock(7409283654)';

/** An install that says so every half minute and has been silent for this long does not run any more. */
const SILENT = "interval '2 minutes'";

/** One install of the operator and the namespaces that it looks after; null: all. */
export interface OperatorClaim {
  readonly id: string;
  readonly namespaces: readonly string[] | null;
  /** The process that asks, for people. */
  readonly host: string;
  /** UIDs of the Organizations that it knows. */
  readonly resourceUids: readonly string[];
}

/** An install as the database knows it. */
export interface OperatorRecord {
  readonly id: string;
  readonly namespaces: readonly string[] | null;
  readonly inCharge: boolean;
  readonly host: string;
  readonly since: Date;
  readonly seenAt: Date;
}

/** In charge, by the term that its transactions have to show, or not because of another install. */
export type ClaimResult = { readonly term: number } | { readonly rival: OperatorRecord };

const COLUMNS = 'id, namespaces, in_charge AS "inCharge", host, since, seen_at AS "seenAt"';

const RIVALS = `in_charge AND id <> $1 AND (namespaces IS NULL OR $2::text[] IS NULL OR namespaces && $2)`;

const FIND_RIVAL = `SELECT ${COLUMNS} FROM piing.operators WHERE ${RIVALS} ORDER BY seen_at DESC LIMIT 1`;

const FIND_PRESENT_RIVAL = `
SELECT ${COLUMNS} FROM piing.operators WHERE ${RIVALS} AND seen_at >= now() - ${SILENT} LIMIT 1`;

/**
 * A Lease that was deleted, or an operator that moved within its cluster: the former one is silent, and this one knows
 * every organization by its UID, so that it closes nothing.
 */
const DISMISS_FORMER = `
UPDATE piing.operators r SET in_charge = false, since = now()
 WHERE ${RIVALS} AND seen_at < now() - ${SILENT}
   AND NOT EXISTS (SELECT FROM piing.organizations o
                    WHERE o.deleted_at IS NULL AND (r.namespaces IS NULL OR o.namespace = ANY (r.namespaces))
                      AND (o.resource_uid = ANY ($3::text[])) IS NOT TRUE)`;

const DISMISS_RIVALS = `UPDATE piing.operators SET in_charge = false, since = now() WHERE ${RIVALS}`;

const RECORD = `
INSERT INTO piing.operators AS o (id, namespaces, in_charge, term, host)
VALUES ($1, $2, $3, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, $4)
ON CONFLICT (id) DO UPDATE
   SET namespaces = EXCLUDED.namespaces, in_charge = EXCLUDED.in_charge, host = EXCLUDED.host, seen_at = now(),
       term = GREATEST(o.term + 1, EXCLUDED.term),
       since = CASE WHEN o.in_charge = EXCLUDED.in_charge THEN o.since ELSE now() END
RETURNING term`;

/**
 * Puts an install in charge of its namespaces, unless another one is. From then on, processes that were in charge under
 * the same id before can write nothing more; what they have open is waited for.
 */
export async function claimNamespaces(pool: Pool, claim: OperatorClaim): Promise<ClaimResult> {
  const { id, namespaces, host, resourceUids } = claim;
  // Whoever asks in vain must not hold up the one that works: the lock is for those that may get something.
  const [present] = (await pool.query<OperatorRecord>(FIND_PRESENT_RIVAL, [id, namespaces])).rows;
  if (present) {
    await pool.query(RECORD, [id, namespaces, false, host]);
    return { rival: present };
  }
  return inTransaction(pool, async (client) => {
    await client.query(LOCK);
    await client.query(DISMISS_FORMER, [id, namespaces, resourceUids]);
    const [rival] = (await client.query<OperatorRecord>(FIND_RIVAL, [id, namespaces])).rows;
    const { rows } = await client.query<{ term: number }>(RECORD, [id, namespaces, !rival, host]);
    return rival ? { rival } : { term: rows[0]?.term ?? 0 };
  });
}

/** Says that an install is still there; resolves to false when it is not in charge by this term. */
export async function renewClaim(db: Queryable, id: string, term: number): Promise<boolean> {
  const text = 'UPDATE piing.operators SET seen_at = now() WHERE id = $1 AND in_charge AND term <= $2';
  return (await db.query(text, [id, term])).rowCount !== 0;
}

/** Every install that ever asked, the one that was seen last first. */
export async function listOperators(db: Queryable): Promise<OperatorRecord[]> {
  const text = `SELECT ${COLUMNS} FROM piing.operators ORDER BY seen_at DESC`;
  return (await db.query<OperatorRecord>(text)).rows;
}

/** Puts an install in charge whatever others say; undefined when none of that id has ever asked. */
export async function putInCharge(pool: Pool, id: string): Promise<OperatorRecord | undefined> {
  return inTransaction(pool, async (client) => {
    await client.query(LOCK);
    const found = await findOperator(client, id);
    if (!found) return undefined;
    await client.query(DISMISS_RIVALS, [id, found.namespaces]);
    await client.query('UPDATE piing.operators SET in_charge = true, since = now() WHERE id = $1', [id]);
    return findOperator(client, id);
  });
}

async function findOperator(client: PoolClient, id: string): Promise<OperatorRecord | undefined> {
  const text = `SELECT ${COLUMNS} FROM piing.operators WHERE id = $1`;
  return (await client.query<OperatorRecord>(text, [id])).rows[0];
}
