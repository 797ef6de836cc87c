import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { buryJob, dropJob, hopelessJobs, rescueJobs, wakeJobs } from './job-endings.ts';
import { type ProcessUpload, queueDepth, restoreJobs } from './job-queue.ts';
import type { Pool } from './pool.ts';

export interface MaintenanceOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly giveUp: (job: ProcessUpload) => Promise<void>;
  readonly cancelled: (job: ProcessUpload) => Promise<void>;
}

/**
 * One look after the queue, by every worker every few seconds and harmless at the same time: dead workers' jobs come
 * back, hopeless ones end, acknowledged uploads without a job get one. Tells whether there is something to run.
 * Without `silentMs` no worker is taken for dead.
 */
export async function maintainJobs(options: MaintenanceOptions, silentMs?: number): Promise<boolean> {
  const { pool, logger, metrics } = options;
  const rescued = silentMs === undefined ? [] : await rescueJobs(pool, silentMs / 1_000);
  for (const { uploadId, worker } of rescued) {
    metrics.retries.inc();
    logger.warn({ uploadId, worker }, 'a worker stopped answering; its job will be run again');
  }
  await endHopelessJobs(options);
  const woken = await wakeJobs(pool);
  if (woken > 0)
    logger.warn({ woken }, 'jobs waited for a time that the clock does not reach soon; it was set back');
  const restored = await restoreJobs(pool);
  if (restored > 0)
    logger.warn({ restored }, 'acknowledged uploads without a job were put back into the queue');
  const { oldestSeconds, unprocessedSeconds, ...depth } = await queueDepth(pool);
  for (const [state, jobs] of Object.entries(depth)) metrics.jobs.set({ state }, jobs);
  metrics.oldestJobSeconds.set(oldestSeconds);
  metrics.oldestUnprocessedSeconds.set(unprocessedSeconds);
  return rescued.length + woken + restored > 0;
}

/** The upload's status comes first: dying in between only repeats it, and a final status is not changed again. */
async function endHopelessJobs({
  pool,
  logger,
  metrics,
  giveUp,
  cancelled,
}: MaintenanceOptions): Promise<void> {
  for (const job of await hopelessJobs(pool)) {
    if (job.cancelled) {
      await cancelled(job);
      await dropJob(pool, job);
    } else {
      await giveUp(job);
      if (await buryJob(pool, job)) metrics.deadLetters.inc();
      logger.error({ uploadId: job.uploadId, lastError: job.lastError }, 'the job is a dead letter now');
    }
  }
}
