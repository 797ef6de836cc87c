import assert from 'node:assert/strict';
import type { JobConsumer } from '../../src/database/job-consumer.ts';
import { createPool } from '../../src/database/pool.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { enqueue, sleep, startConsumer, UNPOLLED } from '../support/jobs.ts';
import { silentLogger } from '../support/logger.ts';

/** Four workers, as many as a small cluster has, none of which polls. */
describe('From commit to the start of processing', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  const workers: { readonly consumer: JobConsumer; end(): Promise<void> }[] = [];
  const started = new Map<UploadId, number>();

  before(async () => {
    database = await migratedDatabase();
    for (let count = 0; count < 4; count += 1) {
      const pool = createPool({
        url: database.url,
        applicationName: 'piing-test-worker',
        max: 5,
        statementTimeoutMs: 0,
        logger: silentLogger,
      });
      const process = async ({ uploadId }: { uploadId: UploadId }) => {
        started.set(uploadId, performance.now());
        await pool.query(`UPDATE piing.uploads SET status = 'COMPLETED' WHERE id = $1`, [uploadId]);
      };
      const consumer = startConsumer(database, process, { pool, rhythm: UNPOLLED });
      workers.push({ consumer, end: () => pool.end() });
    }
    await sleep(500);
  });
  after(async () => {
    await Promise.all(workers.map(({ consumer }) => consumer.close(5_000)));
    await Promise.all(workers.map((worker) => worker.end()));
    await database.close();
  });

  it('is a matter of milliseconds: the notification of the commit wakes the workers', async () => {
    const waits: number[] = [];
    for (let count = 0; count < 60; count += 1) {
      const [id = '' as UploadId] = await enqueue(database.pool, { organization: `org-${count}` });
      const committed = performance.now();
      const at = await until(async () => started.get(id));
      waits.push(at - committed);
      await sleep(20);
    }
    waits.sort((a, b) => a - b);
    const [median = Number.NaN, most = Number.NaN] = [waits[30], waits[56]];
    if (process.env.TEST_LOG_LEVEL)
      process.stderr.write(`median ${median.toFixed(1)} ms, p95 ${most.toFixed(1)} ms\n`);
    assert.ok(median < 1_000, `median ${median.toFixed(1)} ms`);
    assert.ok(most < 3_000, `95th percentile ${most.toFixed(1)} ms`);
  });
});
