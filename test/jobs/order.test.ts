import assert from 'node:assert/strict';
import { claimJob } from '../../src/database/job-claims.ts';
import type { JobConsumer } from '../../src/database/job-consumer.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { enqueue, KIB, MIB, sleep, startConsumer } from '../support/jobs.ts';

describe('The order of jobs', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let consumers: JobConsumer[] = [];
  let started: { readonly id: UploadId; readonly organization: string; readonly at: number }[] = [];

  beforeEach(async () => {
    database = await migratedDatabase();
    started = [];
  });
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.close(5_000)));
    consumers = [];
    await database.close();
  });

  /** Workers that take so long for a job of an organization, and note who was running at the same time. */
  function work(
    durationMs: (organization: string) => number,
    options: { workers?: number; concurrency?: number; organizationConcurrency?: number } = {},
  ): { most(organization: string): number; mostInAll(): number } {
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    let inAll = 0;
    let mostInAll = 0;
    const { workers = 1, ...rest } = options;
    for (let count = 0; count < workers; count += 1) {
      const consumer = startConsumer(
        database,
        async ({ uploadId, organizationId }) => {
          const now = (running.get(organizationId) ?? 0) + 1;
          running.set(organizationId, now);
          most.set(organizationId, Math.max(now, most.get(organizationId) ?? 0));
          inAll += 1;
          mostInAll = Math.max(mostInAll, inAll);
          started.push({ id: uploadId, organization: organizationId, at: performance.now() });
          await sleep(durationMs(organizationId));
          running.set(organizationId, (running.get(organizationId) ?? 0) - 1);
          inAll -= 1;
          await database.pool.query(`UPDATE piing.uploads SET status = 'COMPLETED' WHERE id = $1`, [
            uploadId,
          ]);
        },
        rest,
      );
      consumers.push(consumer);
    }
    return { most: (organization) => most.get(organization) ?? 0, mostInAll: () => mostInAll };
  }

  const allStarted = (count: number) => until(async () => (started.length >= count ? true : undefined));
  const positions = (ids: readonly UploadId[]) =>
    ids.map((id) => started.findIndex((start) => start.id === id));

  it('begins a 2 KB file at once while ten of 100 MB wait, of the same organization too', async () => {
    const large = Array.from({ length: 10 }, () => ({ organization: 'blue', sizeBytes: 100 * MIB }));
    await enqueue(database.pool, ...large);
    work(() => 400);
    await allStarted(1);
    const [other = '', own = ''] = await enqueue(
      database.pool,
      { organization: 'corner', sizeBytes: 2 * KIB },
      { organization: 'blue', schemaType: 'orgShifts', sizeBytes: 2 * KIB },
    );
    const sent = performance.now();
    await until(async () => (started.some(({ id }) => id === own) ? true : undefined));
    for (const id of [other, own]) {
      const at = started.find((start) => start.id === id)?.at ?? Number.NaN;
      assert.ok(at - sent < 3_000, `${at - sent} ms`);
    }
    assert.ok(started.length <= 5, `${started.length} had begun`);
  });

  it('lets a small file of the same schema type as a large one pass those that still wait', async () => {
    const large = Array.from({ length: 10 }, () => ({ organization: 'blue', sizeBytes: 100 * MIB }));
    await enqueue(database.pool, ...large);
    work(() => 200);
    await allStarted(1);
    const [small] = await enqueue(database.pool, { organization: 'blue', sizeBytes: 2 * KIB });
    await allStarted(3);
    assert.ok(
      started.slice(0, 3).some(({ id }) => id === small),
      'it waited for more than one large file',
    );
  });

  it('does not let a flood of one organization delay the file of another', async () => {
    await enqueue(database.pool, ...Array.from({ length: 300 }, () => ({ organization: 'flood' })));
    work(() => 20, { organizationConcurrency: 4 });
    await allStarted(10);
    const before = started.length;
    const [id] = await enqueue(database.pool, { organization: 'single' });
    await until(async () => (started.some((start) => start.id === id) ? true : undefined));
    const behind = started.findIndex((start) => start.id === id) - before;
    assert.ok(behind < 8, `${behind} files of the flood went first`);
  });

  it('serves a third organization soon when two floods are older than its file', async () => {
    const floods = Array.from({ length: 200 }, (_, index) => ({
      organization: index < 100 ? 'one' : 'two',
      sizeBytes: 2 * MIB,
    }));
    await enqueue(database.pool, ...floods);
    work(() => 20, { concurrency: 2 });
    await allStarted(20);
    const before = started.length;
    const [id] = await enqueue(database.pool, { organization: 'three', sizeBytes: 2 * MIB });
    await until(async () => (started.some((start) => start.id === id) ? true : undefined));
    assert.ok(started.findIndex((start) => start.id === id) - before < 6);
  });

  it('shares by what files cost and not by their number', async () => {
    const files = Array.from({ length: 40 }, () => ({ organization: 'heavy', sizeBytes: 20 * MIB }));
    const light = Array.from({ length: 40 }, () => ({ organization: 'light', sizeBytes: 4 * MIB }));
    await enqueue(database.pool, ...files, ...light);
    work(() => 5);
    await allStarted(30);
    const heavy = started.slice(0, 30).filter(({ organization }) => organization === 'heavy').length;
    assert.ok(heavy >= 3 && heavy <= 8, `${heavy} of the first 30 were heavy; 5 would be its share`);
  });

  it('never runs more of one organization than its limit, however many workers look at the same time', async () => {
    const organizations = ['a', 'b', 'c'];
    const uploads = Array.from({ length: 90 }, (_, index) => ({
      organization: organizations[index % 3] ?? '',
    }));
    await enqueue(database.pool, ...uploads);
    const seen = work(() => 40, { workers: 6, concurrency: 3, organizationConcurrency: 2 });
    await allStarted(90);
    for (const organization of organizations) assert.equal(seen.most(organization), 2);
    assert.equal(started.length, new Set(started.map(({ id }) => id)).size, 'a job ran twice');
  });

  it('runs no second large file of one organization and schema type, which would only wait for the merge', async () => {
    const same = Array.from({ length: 4 }, () => ({ organization: 'blue', sizeBytes: 2 * MIB }));
    await enqueue(database.pool, ...same);
    const seen = work(() => 50, { concurrency: 4, organizationConcurrency: 4 });
    await allStarted(4);
    assert.equal(seen.most('blue'), 1);
  });

  it('keeps a place for small files, and takes no more files than it has places', async () => {
    const organizations = ['a', 'b', 'c', 'd'];
    await enqueue(
      database.pool,
      ...organizations.map((organization) => ({ organization, sizeBytes: 2 * MIB })),
    );
    const seen = work(() => 300, { concurrency: 2 });
    await allStarted(2);
    await sleep(100);
    assert.equal(started.length, 2, 'the third place is for small files');
    await enqueue(database.pool, { organization: 'e' }, { organization: 'f' });
    await allStarted(6);
    assert.equal(seen.mostInAll(), 3);
  });

  it('runs files that were just received before those of a replay', async () => {
    const replayed = await enqueue(
      database.pool,
      ...Array.from({ length: 20 }, () => ({ organization: 'blue', replay: true })),
    );
    const fresh = await enqueue(
      database.pool,
      ...Array.from({ length: 5 }, () => ({ organization: 'corner', sizeBytes: 2 * MIB })),
    );
    work(() => 10);
    await allStarted(25);
    assert.ok(Math.max(...positions(fresh)) < Math.min(...positions(replayed)));
  });

  it('costs a few milliseconds a job, out of a queue of 20,000 too', async () => {
    await database.pool.query(
      `WITH u AS (
         INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source, instance_id, object_key, status, size_bytes, received_at)
         SELECT gen_random_uuid(), 'org-' || n % 50, 'c', 'orgTransactions', 'f', 'csv', 'sftp', gen_random_uuid(), 'k', 'PENDING', 2000, now()
           FROM generate_series(1, 20000) n RETURNING id, organization_id, schema_type)
       INSERT INTO piing.jobs (upload_id, organization_id, schema_type, lane, cost)
       SELECT id, organization_id, schema_type, 'small', 2000 FROM u`,
    );
    const request = { smallOnly: false, organizationLimit: 1, worker: 'test' };
    const took: number[] = [];
    for (let count = 0; count < 30; count += 1) {
      const begun = performance.now();
      assert.ok(await claimJob(database.pool, request));
      took.push(performance.now() - begun);
    }
    const median = took.sort((a, b) => a - b)[15] ?? Number.NaN;
    // 3 ms on an idle machine; 350 ms when the planner believes the statistics of an empty table.
    assert.ok(median < 50, `${median.toFixed(1)} ms`);
  });
});
