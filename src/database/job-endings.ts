import type { UploadId } from '../support/ids.ts';
import type { Claim } from './job-claims.ts';
import { JOBS_CHANNEL, type JobsNotice, MAX_ATTEMPTS, type ProcessUpload } from './job-queue.ts';
import type { Queryable } from './pool.ts';

const FIRST_DELAY_SECONDS = 2;
const LONGEST_DELAY_SECONDS = 180;
/** Longest that one file may take, before the job is taken away from its worker. */
const LONGEST_RUN_SECONDS = 2 * 60 * 60;
const MAX_ERROR_CHARACTERS = 2_000;
const WAITING = 'claim_id IS NULL AND dead_at IS NULL';

/** Exponential, with jitter so that jobs which failed together do not come back together. */
const BACKOFF = `make_interval(secs => (0.5 + random() / 2) * ${longestDelay('attempts - 1')})`;

/** Seconds, as SQL. */
function longestDelay(failures: string): string {
  return `least(${LONGEST_DELAY_SECONDS}, ${FIRST_DELAY_SECONDS} * power(2, least(${failures}, 30)))`;
}

/** A place of this organization is free: another process may have room for what waits. */
const TELL_IF_WAITING = `
SELECT pg_notify('${JOBS_CHANNEL}', 'ready') FROM ended e
 WHERE EXISTS (SELECT FROM piing.jobs w WHERE w.claim_id IS NULL AND w.dead_at IS NULL AND w.organization_id = e.organization_id)`;

const COMPLETE = `
WITH ended AS (DELETE FROM piing.jobs WHERE claim_id = $1 RETURNING organization_id) ${TELL_IF_WAITING}`;

const FAIL = `
UPDATE piing.jobs SET claim_id = NULL, run_at = now() + ${BACKOFF}, last_error = $2
 WHERE claim_id = $1 RETURNING run_at`;

const RELEASE = `
WITH ended AS (
  UPDATE piing.jobs SET claim_id = NULL, run_at = now(), attempts = attempts - 1
   WHERE claim_id = ANY($1::uuid[]) RETURNING organization_id
)
SELECT pg_notify('${JOBS_CHANNEL}', 'ready') FROM ended`;

const BEAT = `
UPDATE piing.jobs SET heartbeat_at = clock_timestamp() WHERE claim_id = ANY($1::uuid[])
RETURNING claim_id AS "claimId", cancel_requested_at IS NOT NULL AS cancelled`;

// A heartbeat from the future was given before the clock was set back: its worker may be long dead.
const RESCUE = `
UPDATE piing.jobs SET claim_id = NULL, run_at = now() + ${BACKOFF},
       last_error = format('The worker %s stopped answering while it ran this job.', worker)
 WHERE claim_id IS NOT NULL
   AND (abs(extract(epoch FROM now() - heartbeat_at)) > $1 OR claimed_at < now() - interval '${LONGEST_RUN_SECONDS} seconds')
RETURNING upload_id AS "uploadId", organization_id AS "organizationId", worker`;

// Claimed a moment ago: the answer to the claim may still be on its way.
const GIVE_BACK = `
WITH ended AS (
  UPDATE piing.jobs SET claim_id = NULL, run_at = now(), last_error = 'The end of the last try could not be recorded.'
   WHERE claim_id IS NOT NULL AND worker = $1 AND claim_id <> ALL($2::uuid[])
     AND abs(extract(epoch FROM clock_timestamp() - claimed_at)) > $3
  RETURNING organization_id
)
SELECT pg_notify('${JOBS_CHANNEL}', 'ready') FROM ended`;

// No try is put off for longer: what waits for more was put off before the clock was set back.
const WAKE = `
UPDATE piing.jobs SET run_at = now()
 WHERE ${WAITING} AND run_at > now() + make_interval(secs => ${longestDelay('greatest(attempts - 1, 0)')})`;

const HOPELESS = `
SELECT upload_id AS "uploadId", organization_id AS "organizationId", cancel_requested_at IS NOT NULL AS cancelled,
       last_error AS "lastError"
  FROM piing.jobs
 WHERE ${WAITING} AND (attempts >= ${MAX_ATTEMPTS} OR cancel_requested_at IS NOT NULL)
 LIMIT 100`;

const BURY = `UPDATE piing.jobs SET dead_at = now() WHERE upload_id = $1 AND ${WAITING}`;
const DROP = `DELETE FROM piing.jobs WHERE upload_id = $1 AND ${WAITING}`;

/** The upload has its final status. */
export async function completeJob(db: Queryable, { claimId }: Claim): Promise<void> {
  await db.query(COMPLETE, [claimId]);
}

/** Puts the job back for a later try; returns when, or undefined when the job is no longer this process's. */
export async function failJob(db: Queryable, { claimId }: Claim, reason: string): Promise<Date | undefined> {
  const failed = await db.query<{ run_at: Date }>(FAIL, [claimId, reason.slice(0, MAX_ERROR_CHARACTERS)]);
  return failed.rows[0]?.run_at;
}

/** Gives jobs back that this process will not finish, as if it had never taken them. */
export async function releaseJobs(db: Queryable, claims: readonly Claim[]): Promise<void> {
  await db.query(RELEASE, [claims.map(({ claimId }) => claimId)]);
}

/** Says that this process still works on the claims. Those that are missing from the answer were taken away. */
export async function beat(
  db: Queryable,
  claimIds: readonly string[],
): Promise<Map<string, { readonly cancelled: boolean }>> {
  const alive = await db.query<{ claimId: string; cancelled: boolean }>(BEAT, [claimIds]);
  return new Map(alive.rows.map(({ claimId, cancelled }) => [claimId, { cancelled }]));
}

/**
 * Gives back jobs that this worker has in the table and does not run: while the database was away their end, or the
 * answer to their claim, was lost. Returns how many there were.
 */
export async function giveBackStrays(
  db: Queryable,
  worker: string,
  running: readonly string[],
  youngSeconds: number,
): Promise<number> {
  return (await db.query(GIVE_BACK, [worker, running, youngSeconds])).rowCount ?? 0;
}

export interface Rescued extends ProcessUpload {
  readonly worker: string;
}

/** Takes jobs away from workers that were silent for too long. */
export async function rescueJobs(db: Queryable, silentSeconds: number): Promise<Rescued[]> {
  return (await db.query<Rescued>(RESCUE, [silentSeconds])).rows;
}

/** Lets jobs run that would wait for a time that the clock will not reach for long. Returns how many. */
export async function wakeJobs(db: Queryable): Promise<number> {
  return (await db.query(WAKE)).rowCount ?? 0;
}

/** A job that nobody shall try again: its tries are used up, or it was cancelled while its worker died. */
export interface HopelessJob extends ProcessUpload {
  readonly cancelled: boolean;
  readonly lastError: string | null;
}

export async function hopelessJobs(db: Queryable): Promise<HopelessJob[]> {
  return (await db.query<HopelessJob>(HOPELESS)).rows;
}

/** Keeps the job as a dead letter, which a retry takes back. False when another worker has done so. */
export async function buryJob(db: Queryable, { uploadId }: ProcessUpload): Promise<boolean> {
  return (await db.query(BURY, [uploadId])).rowCount === 1;
}

/** Removes a job that waits. */
export async function dropJob(db: Queryable, { uploadId }: Pick<ProcessUpload, 'uploadId'>): Promise<void> {
  await db.query(DROP, [uploadId]);
}

const REQUEST_CANCEL = `
UPDATE piing.jobs SET cancel_requested_at = COALESCE(cancel_requested_at, now())
 WHERE upload_id = $1 AND dead_at IS NULL RETURNING claim_id IS NOT NULL AS running`;

/**
 * Asks for a job not to be done. `waiting`: it is locked until the caller's transaction ends, which is to drop it;
 * `running`: its worker has been told; undefined: there is none.
 */
export async function requestCancel(db: Queryable, id: UploadId): Promise<'waiting' | 'running' | undefined> {
  const job = (await db.query<{ running: boolean }>(REQUEST_CANCEL, [id])).rows[0];
  if (!job) return undefined;
  if (!job.running) return 'waiting';
  const notice: JobsNotice = 'cancel';
  await db.query('SELECT pg_notify($1, $2)', [JOBS_CHANNEL, notice]);
  return 'running';
}
