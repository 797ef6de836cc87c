import { MAX_ATTEMPTS, type ProcessUpload } from './job-queue.ts';
import { inTransaction, type Pool } from './pool.ts';

/** A replay that has waited for this long no longer gives way to files that were just received. */
const REPLAY_PATIENCE_SECONDS = 10 * 60;
/** What an organization was served counts half after this time: no flood of an hour ago is held against it. */
const SHARE_HALF_LIFE_SECONDS = 60;

export type Lane = 'small' | 'large' | 'replay';

/** One try at a job, this process's until it is completed, failed, released or taken away. */
export interface Claim extends ProcessUpload {
  readonly claimId: string;
  readonly lane: Lane;
  /** From 1 on. */
  readonly attempts: number;
  readonly waitedSeconds: number;
  /** Of the trace that its upload's receipt left (W3C). */
  readonly traceparent: string | null;
}

export interface ClaimRequest {
  /** There is no place left for large files. */
  readonly smallOnly: boolean;
  /** Jobs of one organization and lane that all processes together run at a time. */
  readonly organizationLimit: number;
  /** Shown to people who look into the table. */
  readonly worker: string;
}

const WAITING = 'claim_id IS NULL AND dead_at IS NULL';

const ANYTHING_DUE = `SELECT FROM piing.jobs WHERE ${WAITING} AND run_at <= clock_timestamp() LIMIT 1`;

// One claim at a time over all processes: what runs is counted and added to as one step, so the limit holds exactly.
// A process that is stopped just here must not stop the others.
const TAKE_TURN = `SELECT pg_advisory_xact_lock(7409283652)`;
// The statistics of a queue are always old: an empty table may have 20,000 rows by now. Without these the planner
// would sort them all for each flow, 360 ms instead of 1.3.
const SETTINGS = `
SET LOCAL idle_in_transaction_session_timeout = '5s';
SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off`;

// A flow is what one organization has waiting of one schema type in one lane. The recursion skips from flow to flow
// through the index, so the cost of a claim grows with the number of flows and not with a flood in one of them.
// num_nulls() at the end says the same as WAITING and keeps the planner to the primary key.
// Two files of one organization and schema type merge one after the other; the second would hold a place and wait.
const CLAIM = `
WITH RECURSIVE flows AS (
  (SELECT organization_id, schema_type, lane FROM piing.jobs WHERE ${WAITING}
    ORDER BY organization_id, schema_type, lane LIMIT 1)
  UNION ALL
  SELECT n.organization_id, n.schema_type, n.lane FROM flows f CROSS JOIN LATERAL (
    SELECT organization_id, schema_type, lane FROM piing.jobs j
     WHERE ${WAITING} AND (j.organization_id, j.schema_type, j.lane) > (f.organization_id, f.schema_type, f.lane)
     ORDER BY organization_id, schema_type, lane LIMIT 1) n
), next AS (
  SELECT first.upload_id, f.organization_id, first.cost
    FROM flows f
    CROSS JOIN LATERAL (
      SELECT upload_id, cost, run_at FROM piing.jobs j
       WHERE ${WAITING} AND j.organization_id = f.organization_id AND j.schema_type = f.schema_type AND j.lane = f.lane
         AND j.run_at <= clock_timestamp() AND j.attempts < ${MAX_ATTEMPTS} AND j.cancel_requested_at IS NULL
       ORDER BY j.run_at LIMIT 1) first
    LEFT JOIN piing.job_shares s ON s.organization_id = f.organization_id
   WHERE (f.lane = 'small' OR NOT $1)
     AND $2 > (SELECT count(*) FROM piing.jobs r
                WHERE r.claim_id IS NOT NULL AND r.organization_id = f.organization_id AND r.lane = f.lane)
     AND NOT EXISTS (SELECT FROM piing.jobs r
                      WHERE r.claim_id IS NOT NULL AND r.organization_id = f.organization_id
                        AND r.schema_type = f.schema_type AND r.lane <> 'small')
   ORDER BY f.lane = 'replay' AND first.run_at > now() - interval '${REPLAY_PATIENCE_SECONDS} seconds',
            COALESCE(s.used * ${decay('s.used_at')}, 0) + first.cost, first.run_at
   LIMIT 1
), charged AS (
  INSERT INTO piing.job_shares AS s (organization_id, used, used_at)
  SELECT organization_id, cost, clock_timestamp() FROM next
  ON CONFLICT (organization_id) DO UPDATE
     SET used = s.used * ${decay('s.used_at')} + EXCLUDED.used, used_at = EXCLUDED.used_at
)
UPDATE piing.jobs j
   SET claim_id = gen_random_uuid(), worker = $3, claimed_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
       attempts = attempts + 1
 WHERE j.upload_id = (SELECT upload_id FROM next) AND num_nulls(j.claim_id, j.dead_at) = 2
RETURNING j.upload_id AS "uploadId", j.organization_id AS "organizationId", j.claim_id AS "claimId", j.lane, j.attempts,
          j.traceparent, extract(epoch FROM j.claimed_at - j.run_at)::float8 AS "waitedSeconds"`;

function decay(since: string): string {
  const age = `greatest(0, extract(epoch FROM clock_timestamp() - ${since}))`;
  // Beyond 64 half-lives nothing is left, and power() would underflow into an error.
  return `power(0.5, least(64, ${age} / ${SHARE_HALF_LIFE_SECONDS}))::float8`;
}

/** Takes the job whose turn it is, or undefined when none may run now. */
export async function claimJob(pool: Pool, request: ClaimRequest): Promise<Claim | undefined> {
  // Most wakes find nothing: that costs one look into an index, and no lock.
  if ((await pool.query(ANYTHING_DUE)).rowCount === 0) return undefined;
  return inTransaction(pool, async (client) => {
    await client.query(`${SETTINGS}; ${TAKE_TURN}`);
    const { smallOnly, organizationLimit, worker } = request;
    const claimed = await client.query<Claim>(CLAIM, [smallOnly, organizationLimit, worker]);
    return claimed.rows[0];
  });
}
