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
  }

  it('is received once: the same bytes again give the same upload, and no second job', async () => {
    const first = await send('night-1');
    assert.equal(first.status, 202);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    const jobs = fixture.jobs.length;
    assertReplayed(await send('night-1'), first);
    assertReplayed(
      await upload(fixture.api, token, [csv(CONTENT), schemaType(), keyField('night-1')]),
      first,
    );
    assert.equal(fixture.jobs.length, jobs);
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
    assertReplayed(await send('night-7'), first);
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
    const jobs = fixture.jobs.length;
    const answer = await upload(fixture.api, token, [schemaType(), csv(CONTENT), keyField('late')]);
    assertProblem(answer, 400, 'FIELDS_AFTER_FILE');
    assert.match(String(answer.body.detail), /Idempotency-Key/);
    assert.equal(fixture.jobs.length, jobs);
  });
});
