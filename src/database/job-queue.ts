import { PgBoss } from 'pg-boss';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Queryable } from './pool.ts';

const QUEUE = 'process-upload';
const DEAD_LETTERS = 'process-upload-dead';
const SCHEMA = 'pgboss';

/** 8 tries over about 10 minutes: long enough for a failover of a database or a restart of the store. */
const RETRY_LIMIT = 8;
const RETRY_DELAY_SECONDS = 2;
const RETRY_DELAY_MAX_SECONDS = 180;
/** A worker that is silent for this long is dead; with the check every 15 s that is noticed within a minute. */
const HEARTBEAT_SECONDS = 30;
const SUPERVISE_SECONDS = 15;
/** Longest that one file may take, before the queue takes the job away. */
const EXPIRE_SECONDS = 2 * 60 * 60;

export interface ProcessUpload {
  readonly uploadId: UploadId;
  readonly organizationId: OrganizationId;
}

/** Puts a job into the queue in the caller's transaction. */
export interface JobSender {
  send(db: Queryable, job: ProcessUpload): Promise<void>;
  close(): Promise<void>;
}

/** Creates or upgrades the queue's tables. Called by `piing migrate` while it holds the migration lock. */
export async function migrateQueue(url: string, logger: Logger): Promise<void> {
  const boss = startable(url, logger, { migrate: true, createSchema: true, supervise: false });
  await boss.start();
  try {
    await boss.createQueue(DEAD_LETTERS, { deleteAfterSeconds: 24 * 60 * 60 });
    await boss.createQueue(QUEUE, {
      retryLimit: RETRY_LIMIT,
      retryDelay: RETRY_DELAY_SECONDS,
      retryBackoff: true,
      retryDelayMax: RETRY_DELAY_MAX_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      expireInSeconds: EXPIRE_SECONDS,
      deadLetter: DEAD_LETTERS,
      deleteAfterSeconds: 24 * 60 * 60,
      notify: true,
    });
  } finally {
    await boss.stop({ graceful: false, close: true });
  }
}

export async function openJobSender(url: string, logger: Logger): Promise<JobSender> {
  const boss = startable(url, logger, { supervise: false, max: 2 });
  await boss.start();
  return { send: (db, job) => send(boss, db, job), close: () => boss.stop({ graceful: false }) };
}

export interface JobConsumerOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Jobs that this process runs at a time. */
  readonly concurrency: number;
  /** Jobs of one organization that all processes together run at a time. */
  readonly organizationConcurrency: number;
  /** Rejecting means a transient fault: the job is tried again later. */
  readonly process: (job: ProcessUpload, signal: AbortSignal) => Promise<void>;
  /** The job failed for good: every try was used up, or its workers died. */
  readonly giveUp: (job: ProcessUpload) => Promise<void>;
}

/** Runs jobs until `close`, which waits for those that are running. */
export async function consumeJobs(
  options: JobConsumerOptions,
): Promise<{ close(graceMs: number): Promise<void> }> {
  const boss = startable(options.url, options.logger, {
    supervise: true,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    useListenNotify: true,
    max: options.concurrency + 3,
  });
  await boss.start();
  await boss.work<ProcessUpload>(
    QUEUE,
    {
      localConcurrency: options.concurrency,
      groupConcurrency: options.organizationConcurrency,
      pollingIntervalSeconds: 1,
      notifyPollingIntervalSeconds: 5,
    },
    async ([job]) => {
      if (job) await options.process(job.data, job.signal);
    },
  );
  await boss.work<ProcessUpload>(DEAD_LETTERS, { pollingIntervalSeconds: 2 }, async ([job]) => {
    if (job) await options.giveUp(job.data);
  });
  return { close: (graceMs) => boss.stop({ graceful: true, timeout: Math.max(1_000, graceMs) }) };
}

/** Puts an upload that ended back into the queue. */
async function send(boss: PgBoss, db: Queryable, job: ProcessUpload): Promise<void> {
  const executeSql = (text: string, values?: unknown[]) => db.query(text, values);
  const id = await boss.send(QUEUE, job, { group: { id: job.organizationId }, db: { executeSql } });
  if (id === null) throw new Error(`The queue took no job for upload ${job.uploadId}.`);
}

function startable(
  url: string,
  logger: Logger,
  options: Partial<ConstructorParameters<typeof PgBoss>[0] & object>,
): PgBoss {
  const boss = new PgBoss({
    connectionString: url,
    schema: SCHEMA,
    application_name: 'piing-queue',
    schedule: false,
    migrate: false,
    createSchema: false,
    registerInstance: false,
    ...options,
  });
  boss.on('error', (error) => logger.warn({ err: error }, 'queue fault'));
  boss.on('warning', (warning) => logger.debug({ warning }, 'queue warning'));
  return boss;
}
