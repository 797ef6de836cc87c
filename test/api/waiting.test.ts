import assert from 'node:assert/strict';
import { defaultHttpLimits } from '../../src/api/limits.ts';
import { UploadWatch } from '../../src/api/upload-watch.ts';
import type { UploadStatus } from '../../src/intake/uploads.ts';
import { newUploadId, type UploadId } from '../../src/support/ids.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import { credential, Deliveries, organization } from '../tenancy/fixture.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { type Answer, ask, assertProblem, csv, eventually, schemaType, upload } from './http-client.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('GET /upload/{id}/status?wait=', () => {
  let fixture: ApiFixture;
  let token: string;
  let id: string;

  before(async () => {
    fixture = await startApiFixture({
      change: () => ({ limits: defaultHttpLimits({ waiters: 6, waitersPerOrganization: 4 }) }),
    });
    token = await fixture.tokenOf(await fixture.addClient('acme'));
  });
  beforeEach(async () => {
    id = await receive();
  });
  after(() => fixture.close());

  const receive = async (as = token) =>
    String((await upload(fixture.api, as, [schemaType(), csv('id\n1\n')])).body.uploadId);
  const wait = (seconds: number | string, as = token, of = id, signal?: AbortSignal) =>
    ask(`${fixture.api}/upload/${of}/status?wait=${seconds}`, { token: as, ...(signal && { signal }) });
  const become = (status: UploadStatus, of = id) =>
    fixture.database.pool.query('UPDATE piing.uploads SET status = $1 WHERE id = $2', [status, of]);
  async function timed(asking: Promise<Answer>): Promise<Answer & { readonly ms: number }> {
    const started = performance.now();
    const answer = await asking;
    return { ...answer, ms: performance.now() - started };
  }

  it('answers as soon as the status is final, over every status between', async () => {
    const waiting = timed(wait(20));
    await pause(150);
    await become('PROCESSING');
    await pause(250);
    await become('COMPLETED');
    const finished = performance.now();
    const answer = await waiting;
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status, 'COMPLETED');
    assert.ok(performance.now() - finished < 3_000, `${performance.now() - finished} ms late`);
    assert.ok(answer.ms > 400);
  });

  it('answers as it is when the time is over, and at once when the status is final already', async () => {
    const open = await timed(wait(1));
    assert.equal(open.body.status, 'PENDING');
    assert.ok(open.ms >= 990 && open.ms < 3_000, `${open.ms} ms`);
    await become('FAILED');
    const done = await timed(wait(20));
    assert.equal(done.body.status, 'FAILED');
    assert.ok(done.ms < 3_000, `${done.ms} ms`);
  });

  it('takes 0 to 50 seconds, and tells others’ uploads like unknown ones without waiting', async () => {
    for (const bad of ['51', '-1', 'x', '', '1&wait=2'])
      assertProblem(await wait(bad), 400, 'INVALID_PARAMETER');
    const stranger = await fixture.tokenOf(await fixture.addClient('stranger'));
    assertProblem(await wait(20, stranger), 404, 'NOT_FOUND');
    assertProblem(await wait(20, token, newUploadId()), 404, 'NOT_FOUND');
  });

  it('never waits for a HEAD', async () => {
    const started = performance.now();
    const head = await fetch(`${fixture.api}/upload/${id}/status?wait=20`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(head.status, 200);
    assert.ok(performance.now() - started < 3_000);
  });

  it('has so many places for an organization and for all, and gets them back from clients that went away', async () => {
    const leave = new AbortController();
    const four = Array.from({ length: 4 }, () => wait(30, token, id, leave.signal).catch(() => 'gone'));
    await pause(300);
    const fifth = await wait(30);
    assertProblem(fifth, 429, 'TOO_MANY_WAITERS');
    assert.match(fifth.headers.get('retry-after') ?? '', /^\d+$/);
    const other = await fixture.tokenOf(await fixture.addClient('globex'));
    const theirs = await receive(other);
    const two = [1, 2].map(() => wait(30, other, theirs, leave.signal).catch(() => 'gone'));
    await pause(300);
    assertProblem(await wait(30, other, theirs), 503, 'SERVICE_UNAVAILABLE');
    leave.abort();
    assert.deepEqual(await Promise.all([...four, ...two]), Array(6).fill('gone'));
    const answer = await eventually(
      () => wait(1),
      ({ status }) => status === 200,
    );
    assert.equal(answer.body.status, 'PENDING');
    const { values } = await fixture.metrics.httpLimits.get();
    assert.ok(values.some(({ labels }) => labels.limit === 'waiters-per-organization'));
  });

  it('ends within a second when the credential is withdrawn', async () => {
    const { pool } = fixture.database;
    const deliveries = new Deliveries();
    await applyOrganization(pool, organization('leaver'), deliveries.deliver);
    await pool.query(
      `INSERT INTO piing.schema_enablements (organization_id, schema_type, namespace, name, transformer)
       SELECT 'leaver', schema_type, 'leaver', name, transformer FROM piing.schema_enablements WHERE namespace = 'acme'`,
    );
    const { clientId, clientSecret } = deliveries.last('leaver/pos');
    const theirs = await fixture.tokenOf({ organizationId: 'leaver', clientId, clientSecret });
    const file = await receive(theirs);
    const waiting = wait(30, theirs, file);
    await pause(300);
    const spec = { credentials: [credential('pos', { revoked: true })] };
    await applyOrganization(pool, organization('leaver', spec), deliveries.deliver);
    const revoked = performance.now();
    assertProblem(await waiting, 401, 'INVALID_TOKEN');
    assert.ok(performance.now() - revoked < 1_000, `${performance.now() - revoked} ms after the revocation`);
    assertProblem(await wait(0, theirs, file), 401, 'INVALID_TOKEN');
  });

  it('is answered at once when the server begins to drain', async () => {
    const own = await startApiFixture({ beside: fixture });
    const waiting = ask(`${own.api}/upload/${id}/status?wait=30`, { token });
    await pause(300);
    const started = performance.now();
    const closed = own.server.close(10_000);
    assert.equal((await waiting).body.status, 'PENDING');
    await closed;
    assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
    await own.close();
  });
});

describe('The watch over uploads', () => {
  const statuses = new Map<UploadId, UploadStatus>();
  const never = new AbortController().signal;

  it('asks for all that are waited for at once, however many wait, and not at all when nobody does', async () => {
    const asked: number[] = [];
    const watch = new UploadWatch(async (ids) => {
      asked.push(ids.length);
      return statuses;
    });
    const ids = Array.from({ length: 20 }, () => newUploadId());
    for (const id of ids) statuses.set(id, 'PENDING');
    const waits = ids.flatMap((id) => [1, 2, 3].map(() => watch.changed(id, 'PENDING', never)));
    await pause(350);
    assert.ok(asked.length >= 2 && asked.length <= 4, `${asked.length} queries`);
    assert.ok(asked.every((count) => count === 20));
    for (const id of ids) statuses.set(id, 'PROCESSING');
    await Promise.all(waits);
    const queries = asked.length;
    await pause(300);
    assert.equal(asked.length, queries);
  });

  it('goes on when the database does not answer, and tells of an upload that is gone', async () => {
    let failures = 2;
    const watch = new UploadWatch(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('connect ECONNREFUSED');
      return new Map();
    });
    await watch.changed(newUploadId(), 'PENDING', never);
    assert.equal(failures, -1);
  });

  it('leaves a slow database time: pauses ten times as long as its answers', async () => {
    let queries = 0;
    const watch = new UploadWatch(async () => {
      queries += 1;
      await pause(60);
      return statuses;
    });
    const id = newUploadId();
    statuses.set(id, 'PENDING');
    await watch.changed(id, 'PENDING', AbortSignal.timeout(1_000));
    assert.ok(queries <= 2, `${queries} queries in a second`);
  });
});
