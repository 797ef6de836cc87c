import assert from 'node:assert/strict';
import { type ApiFixture, MAX_FILE_BYTES, startApiFixture } from './api-fixture.ts';
import {
  type Answer,
  assertProblem,
  beginning,
  CLOSING,
  csv,
  eventually,
  type Part,
  RawUpload,
  schemaType,
  upload,
} from './http-client.ts';

const CONTENT = 'id,amount\n1,10.00\n';
const keyField = (key: string): Part => ({ name: 'idempotencyKey', content: key });

describe('an upload with an idempotency key', () => {
  let fixture: ApiFixture;
  let token: string;
  let otherToken: string;

  before(async () => {
    fixture = await startApiFixture();
    token = await fixture.tokenOf(await fixture.addClient('acme'));
    otherToken = await fixture.tokenOf(await fixture.addClient('globex'));
  });
  after(() => fixture.close());

  const send = (key: string, content: string | Uint8Array = CONTENT, type = 'orgTransactions', as = token) =>
    upload(fixture.api, as, [schemaType(type), keyField(key), csv(content)]);
  const sendWithHeader = (key: string, parts: readonly Part[] = [schemaType(), csv(CONTENT)]) =>
    upload(fixture.api, token, parts, { headers: { 'idempotency-key': key } });

  function assertReplayed(answer: Answer, first: Answer): void {
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.equal(answer.body.uploadId, first.body.uploadId);
    assert.equal(answer.headers.get('idempotency-replayed'), 'true');
    assert.equal(answer.headers.get('location'), first.headers.get('location'));
    assert.equal(answer.headers.get('idempotency-key-expires'), first.headers.get('idempotency-key-expires'));
    assert.deepEqual(answer.body, first.body);
  }

  it('is received once: the same bytes again give the same upload, and no second job', async () => {
    const first = await send('night-1');
    assert.equal(first.status, 202);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    const jobs = (await fixture.jobs()).length;
    assertReplayed(await send('night-1'), first);
    assertReplayed(
      await upload(fixture.api, token, [csv(CONTENT), schemaType(), keyField('night-1')]),
      first,
    );
    assert.equal((await fixture.jobs()).length, jobs);
  });

  it('gives the same answer when the upload has long been processed', async () => {
    const first = await send('night-0');
    await fixture.database.pool.query(
      `UPDATE piing.uploads SET status = 'COMPLETED', started_at = now(), completed_at = now(), rows_total = 1 WHERE id = $1`,
      [first.body.uploadId],
    );
    assertReplayed(await send('night-0'), first);
  });

  it('says until when the key stands for the file: 24 hours; and nothing of a key that there is not', async () => {
    const { headers } = await send('night-9');
    const expires = headers.get('idempotency-key-expires') ?? '';
    assert.match(expires, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    const hours = (Date.parse(expires) - Date.now()) / 3_600_000;
    assert.ok(hours > 23.99 && hours <= 24, `${hours} hours`);
    const without = await upload(fixture.api, token, [schemaType(), csv(CONTENT)]);
    assert.equal(without.headers.get('idempotency-key-expires'), null);
  });

  it('takes the key from the header as well, bare or quoted as in the IETF draft', async () => {
    const first = await sendWithHeader('night-2');
    assertReplayed(await sendWithHeader('"night-2"'), first);
    assertReplayed(await send('night-2'), first);
  });

  it('answers 422 for other bytes, more bytes or another schema type under the same key', async () => {
    const first = await send('night-3');
    const others = [
      await send('night-3', 'id,amount\n1,10.01\n'),
      await send('night-3', Buffer.alloc(MAX_FILE_BYTES, 'a')),
      await send('night-3', CONTENT.slice(0, -1)),
      await send('night-3', CONTENT, 'orgShifts'),
    ];
    for (const answer of others) {
      assertProblem(answer, 422, 'IDEMPOTENCY_KEY_REUSED');
      assert.match(String(answer.body.detail), new RegExp(String(first.body.uploadId)));
    }
  });

  it('answers 409 while the first one is still being received', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(beginning([schemaType(), keyField('night-4'), csv(CONTENT)]));
    await eventually(
      async () =>
        (await fixture.database.pool.query(`SELECT FROM piing.uploads WHERE idempotency_key = 'night-4'`))
          .rowCount,
      (count) => count === 1,
    );
    const meanwhile = await send('night-4');
    assertProblem(meanwhile, 409, 'IDEMPOTENCY_KEY_IN_USE');
    assert.match(meanwhile.headers.get('retry-after') ?? '', /^\d+$/);
    await raw.send(CLOSING);
    await raw.send('');
    const answer = await raw.answer();
    raw.socket.destroy();
    const [, uploadId] = /"uploadId":"([^"]+)"/.exec(answer) ?? [];
    assert.equal((await send('night-4')).body.uploadId, uploadId);
  });

  it('is received once even when many send it at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('night-5')));
    for (const { status } of answers) assert.ok(status === 202 || status === 409, String(status));
    const { rowCount } = await fixture.database.pool.query(
      `SELECT FROM piing.uploads WHERE idempotency_key = 'night-5'`,
    );
    assert.equal(rowCount, 1);
  });

  it('may be sent again under its key when the first attempt was abandoned', async () => {
    assertProblem(await send('night-6', ''), 422, 'EMPTY_FILE');
    const again = await send('night-6');
    assert.equal(again.status, 202);
    assert.equal(again.headers.get('idempotency-replayed'), null);
  });

  it('may use a key again after 24 hours', async () => {
    const first = await send('night-7');
    await fixture.database.pool.query(
      `UPDATE piing.uploads SET created_at = now() - interval '23 hours 59 minutes' WHERE id = $1`,
      [first.body.uploadId],
    );
    assert.equal((await send('night-7')).body.uploadId, first.body.uploadId);
    await fixture.database.pool.query(
      `UPDATE piing.uploads SET created_at = now() - interval '24 hours' WHERE id = $1`,
      [first.body.uploadId],
    );
    const second = await send('night-7', 'id,amount\n2,20.00\n');
    assert.equal(second.status, 202);
    assert.notEqual(second.body.uploadId, first.body.uploadId);
    assertReplayed(await send('night-7', 'id,amount\n2,20.00\n'), second);
  });

  it('does not meet another organization’s upload of the same key', async () => {
    const ours = await send('night-8');
    const theirs = await send('night-8', 'id,amount\n9,9.00\n', 'orgTransactions', otherToken);
    assert.equal(theirs.status, 202);
    assert.notEqual(theirs.body.uploadId, ours.body.uploadId);
  });

  it('refuses keys that are empty, too long or not printable ASCII, and two different ones', async () => {
    assert.equal((await send('k'.repeat(255))).status, 202);
    for (const key of ['', 'k'.repeat(256), 'clé', 'a\tb']) {
      assertProblem(await send(key), 400, 'INVALID_IDEMPOTENCY_KEY');
    }
    assertProblem(
      await sendWithHeader('one', [schemaType(), keyField('two'), csv(CONTENT)]),
      400,
      'INVALID_PARAMETER',
    );
  });

  it('asks for a key that comes after its file to be sent first, and stores nothing', async () => {
    const jobs = (await fixture.jobs()).length;
    const answer = await upload(fixture.api, token, [schemaType(), csv(CONTENT), keyField('late')]);
    assertProblem(answer, 400, 'FIELDS_AFTER_FILE');
    assert.match(String(answer.body.detail), /Idempotency-Key/);
    assert.equal((await fixture.jobs()).length, jobs);
  });
});

describe('Idempotency keys over several API processes', () => {
  let first: ApiFixture;
  let second: ApiFixture;
  let token: string;

  before(async () => {
    first = await startApiFixture();
    second = await startApiFixture({ beside: first });
    token = await first.tokenOf(await first.addClient('acme'));
  });
  after(async () => {
    await second.close();
    await first.close();
  });

  const send = ({ api }: ApiFixture, key: string, content = CONTENT) =>
    upload(api, token, [schemaType(), keyField(key), csv(content)]);

  it('stand for the same file on every one: same answer, 422 for other bytes', async () => {
    const answer = await send(first, 'k-1');
    const again = await send(second, 'k-1');
    assert.equal(again.status, 202);
    assert.deepEqual(again.body, answer.body);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assertProblem(await send(second, 'k-1', 'id\n2\n'), 422, 'IDEMPOTENCY_KEY_REUSED');
    assert.equal((await first.jobs()).length, 1);
  });

  it('are in use on one while the file is being received by another', async () => {
    const raw = new RawUpload(first.server.url, token);
    await raw.send(beginning([schemaType(), keyField('k-2'), csv(CONTENT)]));
    await eventually(
      () => first.database.pool.query(`SELECT FROM piing.uploads WHERE idempotency_key = 'k-2'`),
      ({ rowCount }) => rowCount === 1,
    );
    const meanwhile = await send(second, 'k-2');
    assertProblem(meanwhile, 409, 'IDEMPOTENCY_KEY_IN_USE');
    raw.socket.destroy();
  });

  it('of many requests at once on both let exactly one file in', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => send(index % 2 ? first : second, 'k-3')),
    );
    const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.uploadId));
    assert.equal(ids.size, 1);
    for (const { status } of answers) assert.ok(status === 202 || status === 409, String(status));
    const { rowCount } = await first.database.pool.query(
      `SELECT FROM piing.uploads WHERE idempotency_key = 'k-3' AND status <> 'ABANDONED'`,
    );
    assert.equal(rowCount, 1);
  });

  it('outlive a restart', async () => {
    const before = await startApiFixture({ beside: first });
    const answer = await send(before, 'k-4');
    await before.close();
    const restarted = await startApiFixture({ beside: first });
    try {
      assert.deepEqual((await send(restarted, 'k-4')).body, answer.body);
      assertProblem(await send(restarted, 'k-4', 'id\n9\n'), 422, 'IDEMPOTENCY_KEY_REUSED');
    } finally {
      await restarted.close();
    }
  });
});
