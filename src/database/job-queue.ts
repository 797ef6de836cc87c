import type { OrganizationId, UploadId } from '../support/ids.ts';
import type { Queryable } from './pool.ts';

/** Where a new job, a freed place and a cancellation are told; the payload says which. */
export const JOBS_CHANNEL = 'piing_jobs';
export type JobsNotice = 'ready' | 'cancel';

/** Files up to this size take well under a second, have a lane of their own and never wait behind larger ones. */
const SMALL_FILE_BYTES = 1024 * 1024;
/** 8 tries over about 10 minutes: long enough for a failover of a database or a restart of the store. */
export const MAX_ATTEMPTS = 8;
/** What a file costs whatever its size, in bytes that could have been loaded meanwhile. */
const COST_PER_FILE_BYTES = 256 * 1024;

export interface ProcessUpload {
  readonly uploadId: UploadId;
  readonly organizationId: OrganizationId;
}

/** Puts a job into the queue in the caller's transaction. */
export interface JobSender {
  send(db: Queryable, job: ProcessUpload): Promise<void>;
}

/** Which lane a job waits in, as SQL: small files before large ones, or behind what was just received. */
type Lane = 'by size' | 'replay';

/**
 * The statement that puts in a job for each row of `uploads` (a table, or a part of the same statement, with the
 * columns of `piing.uploads`), and returns their `upload_id`. A sender makes it part of the statement that changes
 * the uploads, and says so on `JOBS_CHANNEL`. `traceparent`, also SQL, lets the run go on with the sender's trace.
 */
export function insertJobs(uploads: string, lane: Lane, traceparent = 'NULL'): string {
  const lanes = {
    'by size': `CASE WHEN size_bytes <= ${SMALL_FILE_BYTES} THEN 'small' ELSE 'large' END`,
    replay: `'replay'`,
  };
  return `
  INSERT INTO piing.jobs AS j (upload_id, organization_id, schema_type, lane, cost, traceparent)
  SELECT id, organization_id, schema_type, ${lanes[lane]}, COALESCE(size_bytes, 0) + ${COST_PER_FILE_BYTES},
         ${traceparent}
    FROM ${uploads}
  ON CONFLICT (upload_id) DO UPDATE
     SET lane = EXCLUDED.lane, created_at = EXCLUDED.created_at, run_at = EXCLUDED.run_at, attempts = 0,
         claim_id = NULL, cancel_requested_at = NULL, dead_at = NULL, last_error = NULL,
         traceparent = EXCLUDED.traceparent
  RETURNING upload_id`;
}

const sendTo = (lane: Lane) => `
WITH job AS (${insertJobs('piing.uploads WHERE id = $1', lane)})
SELECT pg_notify('${JOBS_CHANNEL}', 'ready') FROM job`;
const SEND = sendTo('by size');
const SEND_REPLAY = sendTo('replay');

const RESTORE = `
INSERT INTO piing.jobs (upload_id, organization_id, schema_type, lane, cost)
SELECT u.id, u.organization_id, u.schema_type, 'large', COALESCE(u.size_bytes, 0) + ${COST_PER_FILE_BYTES}
  FROM piing.uploads u
 WHERE u.status IN ('PENDING', 'PROCESSING') AND u.received_at < now() - interval '1 minute'
   AND NOT EXISTS (SELECT FROM piing.jobs j WHERE j.upload_id = u.id)
 ORDER BY u.received_at LIMIT 1000
ON CONFLICT DO NOTHING`;

/** For files that were just received: small ones first. */
export const jobSender: JobSender = { send: (db, job) => send(db, job, SEND) };
/** For files that are run again: behind what was just received. */
export const replaySender: JobSender = { send: (db, job) => send(db, job, SEND_REPLAY) };

/** Also takes a dead letter, or a job that is just ending, back into the queue with all its tries. */
async function send(db: Queryable, { uploadId }: ProcessUpload, statement: string): Promise<void> {
  const sent = await db.query(statement, [uploadId]);
  if (sent.rowCount === 0) throw new Error(`The queue took no job for upload ${uploadId}: it has no record.`);
}

/**
 * Finds acknowledged uploads without a job: left by a version with another queue, or by hands in the table. The
 * promise to process them does not depend on a queue that nobody damages. Returns how many there were.
 */
export async function restoreJobs(db: Queryable): Promise<number> {
  return (await db.query(RESTORE)).rowCount ?? 0;
}

/** How much there is to do, for metrics and autoscaling. */
export interface QueueDepth {
  readonly waiting: number;
  /** Waiting for a later try. */
  readonly delayed: number;
  readonly running: number;
  readonly dead: number;
  /** How long the first of those that could run has waited. */
  readonly oldestSeconds: number;
  /** Since the acknowledgement of the first that has no final status, whatever keeps it; without replays. */
  readonly unprocessedSeconds: number;
}

const DEPTH = `
SELECT count(*) FILTER (WHERE claim_id IS NULL AND dead_at IS NULL AND run_at <= now()) AS waiting,
       count(*) FILTER (WHERE claim_id IS NULL AND dead_at IS NULL AND run_at > now()) AS delayed,
       count(*) FILTER (WHERE claim_id IS NOT NULL) AS running,
       count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
       COALESCE(extract(epoch FROM now() - min(run_at) FILTER (WHERE claim_id IS NULL AND dead_at IS NULL AND run_at <= now())), 0)::float8
         AS "oldestSeconds",
       COALESCE(extract(epoch FROM now() - min(created_at) FILTER (WHERE dead_at IS NULL AND lane <> 'replay')), 0)::float8
         AS "unprocessedSeconds"
  FROM piing.jobs`;

export async function queueDepth(db: Queryable): Promise<QueueDepth> {
  const result = await db.query<QueueDepth>(DEPTH);
  return (
    result.rows[0] ?? { waiting: 0, delayed: 0, running: 0, dead: 0, oldestSeconds: 0, unprocessedSeconds: 0 }
  );
}
