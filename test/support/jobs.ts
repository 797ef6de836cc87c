import {
  consumeJobs,
  type JobConsumer,
  type JobConsumerOptions,
  type Rhythm,
} from '../../src/database/job-consumer.ts';
import { jobSender, replaySender } from '../../src/database/job-queue.ts';
import { inTransaction, type Pool } from '../../src/database/pool.ts';
import { newUploadId, type OrganizationId, type UploadId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { TestDatabase } from './database.ts';
import { silentLogger } from './logger.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export interface QueuedUpload {
  readonly organization: string;
  readonly schemaType?: string;
  readonly sizeBytes?: number;
  readonly replay?: boolean;
}

const INSERT = `
INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source, instance_id,
                           object_key, status, size_bytes, received_at)
SELECT id, $2, 'piing_test', $3, 'feb.csv', 'csv', 'sftp', id, format('raw/%s/%s/%s.csv', $2::text, $3::text, id), 'PENDING', $4, clock_timestamp()
  FROM (SELECT $1::uuid AS id) u`;

/** Acknowledges uploads as the intake does: record and job in one transaction. Returns their ids. */
export async function enqueue(pool: Pool, ...uploads: readonly QueuedUpload[]): Promise<UploadId[]> {
  const ids: UploadId[] = [];
  for (const { organization, schemaType = 'orgTransactions', sizeBytes = 2 * KIB, replay } of uploads) {
    const id = newUploadId();
    await inTransaction(pool, async (client) => {
      await client.query(INSERT, [id, organization, schemaType, sizeBytes]);
      const job = { uploadId: id, organizationId: organization as OrganizationId };
      await (replay ? replaySender : jobSender).send(client, job);
    });
    ids.push(id);
  }
  return ids;
}

/** A worker whose work is whatever the test wants; what the pipeline would do on giving up is left out. */
export function startConsumer(
  database: TestDatabase,
  process: JobConsumerOptions['process'],
  options: Partial<JobConsumerOptions> = {},
): JobConsumer {
  return consumeJobs({
    url: database.url,
    pool: database.pool,
    logger: silentLogger,
    metrics: createMetrics(),
    concurrency: 1,
    organizationConcurrency: 1,
    process,
    giveUp: (job) => end(database.pool, job.uploadId),
    cancelled: (job) => end(database.pool, job.uploadId),
    ...options,
  });
}

export async function end(pool: Pool, id: UploadId): Promise<void> {
  await pool.query(`UPDATE piing.uploads SET status = 'FAILED', completed_at = now() WHERE id = $1`, [id]);
}

/** So that a test need not wait for what takes half a minute in earnest. */
export const QUICK: Rhythm = { pollMs: 100, beatMs: 200, silentMs: 1_500, maintainMs: 200 };

/** Nothing but notifications: what happens soon was not found by polling. */
export const UNPOLLED: Rhythm = { pollMs: 3_600_000, beatMs: 5_000, silentMs: 20_000, maintainMs: 3_600_000 };

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
