import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { JobConsumer } from '../../src/database/job-consumer.ts';
import { requestCancel } from '../../src/database/job-endings.ts';
import { jobSender, MAX_ATTEMPTS } from '../../src/database/job-queue.ts';
import { inTransaction } from '../../src/database/pool.ts';
import type { OrganizationId, UploadId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { end, enqueue, MIB, QUICK, sleep, startConsumer, UNPOLLED } from '../support/jobs.ts';

/** Work that goes on until it is told to stop. */
const stopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

interface JobRow {
  readonly attempts: number;
  readonly running: boolean;
  readonly dead: boolean;
  readonly delaySeconds: number;
  readonly lastError: string | null;
}

describe('A job', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  const consumers: JobConsumer[] = [];
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    database = await migratedDatabase();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(consumers.splice(0).map((consumer) => consumer.close(100)));
    await database.close();
  });

  function consume(
    ...[process, options]: [Parameters<typeof startConsumer>[1], Parameters<typeof startConsumer>[2]?]
  ) {
    const consumer = startConsumer(database, process, { rhythm: QUICK, ...options });
    consumers.push(consumer);
    return consumer;
  }

  async function row(id: UploadId): Promise<JobRow | undefined> {
    const found = await database.pool.query<JobRow>(
      `SELECT attempts, claim_id IS NOT NULL AS running, dead_at IS NOT NULL AS dead, last_error AS "lastError",
              extract(epoch FROM run_at - now())::float8 AS "delaySeconds"
         FROM piing.jobs WHERE upload_id = $1`,
      [id],
    );
    return found.rows[0];
  }

  const gone = (id: UploadId) => until(async () => ((await row(id)) ? undefined : true));
  const dueNow = (id: UploadId) =>
    database.pool.query('UPDATE piing.jobs SET run_at = now() WHERE upload_id = $1', [id]);

  it('is there when the transaction that sent it commits, and not otherwise', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const job = { uploadId: id, organizationId: 'blue' as OrganizationId };
    await database.pool.query('DELETE FROM piing.jobs');
    await assert.rejects(
      inTransaction(database.pool, async (client) => {
        await jobSender.send(client, job);
        throw new Error('after the job');
      }),
      /after the job/,
    );
    assert.equal(await row(id), undefined);
  });

  it('comes back after a fault, each time later and never at the same moment as others', async () => {
    const uploads = Array.from({ length: 8 }, (_, index) => ({ organization: `org-${index}` }));
    const ids = await enqueue(database.pool, ...uploads);
    consume(() => Promise.reject(new Error('the store is away')), { concurrency: 3 });
    const delays: number[][] = [];
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      const round: number[] = [];
      for (const id of ids) {
        const failed = await until(async () => {
          const job = await row(id);
          return job?.attempts === attempt && !job.running ? job : undefined;
        });
        assert.equal(failed.lastError, 'the store is away');
        round.push(failed.delaySeconds);
      }
      delays.push(round);
      if (attempt < 4) for (const id of ids) await dueNow(id);
    }
    for (const [index, round] of delays.entries()) {
      const longest = 2 * 2 ** index;
      assert.ok(Math.max(...round) <= longest, `${round}`);
      assert.equal(new Set(round).size, round.length, 'no two are the same');
    }
    assert.ok(Math.min(...(delays[3] ?? [])) > 5, `the fourth delay is 8 to 16 s: ${delays[3]}`);
  });

  it('becomes a dead letter when its tries are used up, and can be taken back', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const givenUp: UploadId[] = [];
    let healthy = false;
    consume(() => (healthy ? Promise.resolve() : Promise.reject(new Error('still away'))), {
      giveUp: async ({ uploadId }) => {
        givenUp.push(uploadId);
        await end(database.pool, uploadId);
      },
    });
    await until(async () => {
      await database.pool.query(
        'UPDATE piing.jobs SET run_at = now() WHERE claim_id IS NULL AND run_at > now()',
      );
      return (await row(id))?.dead ? true : undefined;
    });
    assert.deepEqual(givenUp, [id]);
    const dead = await row(id);
    assert.equal(dead?.attempts, MAX_ATTEMPTS);
    assert.equal(dead?.lastError, 'still away');
    healthy = true;
    await jobSender.send(database.pool, { uploadId: id, organizationId: 'blue' as OrganizationId });
    await gone(id);
  });

  it('of a killed worker runs again within a minute, and the killed one is named', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const child = await startChild();
    await until(async () => ((await row(id))?.running ? true : undefined));
    const metrics = createMetrics();
    const ran: number[] = [];
    // With the rhythm of production: that is what is measured.
    const consumer = startConsumer(database, async () => void ran.push(Date.now()), { metrics });
    consumers.push(consumer);
    child.kill('SIGKILL');
    const killed = Date.now();
    await until(async () => (ran.length > 0 ? true : undefined), 60_000);
    const seconds = ((ran[0] ?? 0) - killed) / 1_000;
    assert.ok(seconds > 10 && seconds < 45, `${seconds} s`);
    await gone(id);
    assert.equal((await metrics.retries.get()).values[0]?.value, 1);
  });

  it('whose end the database did not hear of is run again at once when it answers, not as that of a dead worker', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    // A mock: that a connection breaks in exactly this statement cannot be had otherwise.
    const deaf = new Proxy(database.pool, {
      get: (pool, name) => {
        if (name !== 'query') return Reflect.get(pool, name);
        return (...args: Parameters<typeof pool.query>) =>
          ran.length === 1 && /DELETE FROM piing\.jobs/.test(String(args[0]))
            ? Promise.reject(new Error('Connection terminated unexpectedly'))
            : pool.query(...args);
      },
    });
    const ran: UploadId[] = [];
    const rhythm = { ...QUICK, silentMs: 60_000 };
    consume(async ({ uploadId }) => void ran.push(uploadId), { pool: deaf, rhythm });
    await gone(id);
    assert.deepEqual(ran, [id, id]);
  });

  it('ends as a dead letter when it kills every worker that takes it', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    await database.pool.query('UPDATE piing.jobs SET attempts = $1', [MAX_ATTEMPTS - 1]);
    const child = await startChild();
    await until(async () => ((await row(id))?.running ? true : undefined));
    child.kill('SIGKILL');
    consume(() => Promise.resolve());
    await until(async () => ((await row(id))?.dead ? true : undefined));
    assert.match((await row(id))?.lastError ?? '', new RegExp(`/${child.pid} stopped answering`));
  });

  it('that was taken away is stopped, and its first worker can no longer end it', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const cancelled: UploadId[] = [];
    const second = Promise.withResolvers<void>();
    const runs: AbortSignal[] = [];
    consume(
      (_job, signal) => {
        runs.push(signal);
        return runs.length === 1 ? stopped(signal) : second.promise;
      },
      { concurrency: 2, cancelled: async ({ uploadId }) => void cancelled.push(uploadId) },
    );
    await until(async () => ((await row(id))?.running ? true : undefined));
    await database.pool.query('UPDATE piing.jobs SET claim_id = NULL, run_at = now()');
    await until(async () => (runs.length === 2 && runs[0]?.aborted ? true : undefined));
    assert.equal((await row(id))?.running, true, "the first run's end changed nothing");
    assert.deepEqual(cancelled, []);
    second.resolve();
    await gone(id);
  });

  it('that is cancelled while it runs is stopped at once, by notification', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    let cancelled: UploadId | undefined;
    consume((_job, signal) => stopped(signal), {
      rhythm: UNPOLLED,
      cancelled: async ({ uploadId }) => {
        cancelled = uploadId;
        await end(database.pool, uploadId);
      },
    });
    await until(async () => ((await row(id))?.running ? true : undefined));
    const asked = performance.now();
    assert.equal(await inTransaction(database.pool, (client) => requestCancel(client, id)), 'running');
    await gone(id);
    assert.equal(cancelled, id);
    assert.ok(performance.now() - asked < 3_000);
  });

  it('that is cancelled while its worker dies is not run again', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const child = await startChild();
    await until(async () => ((await row(id))?.running ? true : undefined));
    child.kill('SIGKILL');
    await inTransaction(database.pool, (client) => requestCancel(client, id));
    const ran: UploadId[] = [];
    const cancelled: UploadId[] = [];
    consume(async ({ uploadId }) => void ran.push(uploadId), {
      cancelled: async ({ uploadId }) => {
        cancelled.push(uploadId);
        await end(database.pool, uploadId);
      },
    });
    await gone(id);
    assert.deepEqual(ran, []);
    assert.deepEqual(cancelled, [id]);
  });

  it('that a stopping worker does not finish goes to another one at once, without a try less', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const first = consume((_job, signal) => stopped(signal));
    await until(async () => ((await row(id))?.running ? true : undefined));
    const attempts: number[] = [];
    consume(async () => void attempts.push((await row(id))?.attempts ?? 0), { rhythm: UNPOLLED });
    await first.close(50);
    await gone(id);
    assert.deepEqual(attempts, [1]);
  });

  it('is finished by a stopping worker when the grace is enough', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    const consumer = consume(() => sleep(400));
    await until(async () => ((await row(id))?.running ? true : undefined));
    await consumer.close(5_000);
    assert.equal(await row(id), undefined);
  });

  it('that is missing for an acknowledged upload is made anew', async () => {
    const [id] = await enqueue(database.pool, { organization: 'blue', sizeBytes: 2 * MIB });
    await database.pool.query('DELETE FROM piing.jobs');
    await database.pool.query(`UPDATE piing.uploads SET received_at = now() - interval '2 minutes'`);
    const ran: UploadId[] = [];
    consume(async ({ uploadId }) => {
      ran.push(uploadId);
      await end(database.pool, uploadId);
    });
    await until(async () => (ran.length > 0 ? true : undefined));
    await sleep(500);
    assert.deepEqual(ran, [id], 'once');
  });

  it('runs soon though the clock was set back after its next try was put off', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    // No second try is put off for more than two seconds.
    await database.pool.query(`UPDATE piing.jobs SET attempts = 1, run_at = now() + interval '10 seconds'`);
    const ran: UploadId[] = [];
    consume(async ({ uploadId }) => {
      ran.push(uploadId);
      await end(database.pool, uploadId);
    });
    const begun = performance.now();
    await gone(id);
    assert.deepEqual(ran, [id]);
    assert.ok(performance.now() - begun < 8_000, 'not only when its time had come');
  });

  it('is taken from a dead worker whose last sign of life was given before the clock was set back', async () => {
    const [id = '' as UploadId] = await enqueue(database.pool, { organization: 'blue' });
    await database.pool.query(
      `UPDATE piing.jobs SET claim_id = gen_random_uuid(), worker = 'dead', claimed_at = now() + interval '1 hour',
              heartbeat_at = now() + interval '1 hour'`,
    );
    consume(({ uploadId }) => end(database.pool, uploadId));
    await gone(id);
  });

  /** A worker in a process of its own that never finishes a job. */
  async function startChild(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, '../support/stuck-worker.ts'), [database.url]);
    children.push(child);
    await new Promise((resolve) => child.once('message', resolve));
    return child;
  }
});
