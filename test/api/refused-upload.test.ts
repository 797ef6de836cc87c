import assert from 'node:assert/strict';
import { Refusal } from '../../src/intake/refusal.ts';
import { FileFault } from '../../src/schemas/faults.ts';
import { type ApiFixture, MAX_FILE_BYTES, startApiFixture, type TestClient } from './api-fixture.ts';
import {
  ask,
  assertProblem,
  csv,
  multipart,
  type Part,
  RawUpload,
  schemaType,
  upload,
} from './http-client.ts';

const CONTENT = 'transaction_id,amount\n1,10.00\n';
const MIB = 1024 * 1024;

describe('POST /upload refuses', () => {
  let fixture: ApiFixture;
  let client: TestClient;
  let token: string;

  before(async () => {
    fixture = await startApiFixture();
    client = await fixture.addClient('acme');
    token = await fixture.tokenOf(client);
  });
  after(() => fixture.close());

  const send = (parts: readonly Part[], options?: Parameters<typeof upload>[3]) =>
    upload(fixture.api, token, parts, options);
  const countUploads = async () =>
    (await fixture.database.pool.query<{ count: number }>('SELECT count(*) FROM piing.uploads')).rows[0]
      ?.count;

  it('a file of more than 1 MiB before its schema type, and says how to send it', async () => {
    const before = await countUploads();
    const answer = await send([csv(Buffer.alloc(MIB + 1, 'a')), schemaType()]);
    assertProblem(answer, 400, 'FIELDS_AFTER_FILE');
    assert.match(String(answer.body.detail), /schemaType before file.*\?schemaType=/);
    assert.equal(await countUploads(), before);
    const fitting = Buffer.alloc(MIB, 'a');
    assert.equal((await send([csv(fitting), schemaType()])).status, 202);
  });

  it('a schema type that is unknown or not enabled, and says which are', async () => {
    for (const name of ['orgTransactionDetail', 'no-such-type', '../etc']) {
      const answer = await send([schemaType(name), csv(CONTENT)]);
      assertProblem(answer, 403, 'SCHEMA_NOT_ENABLED');
      assert.match(String(answer.body.detail), /orgShifts, orgTransactions/);
    }
  });

  it('an empty file, and records it as abandoned', async () => {
    assertProblem(await send([schemaType(), csv('')]), 422, 'EMPTY_FILE');
    assertProblem(await send([csv(''), schemaType()]), 422, 'EMPTY_FILE');
    const { rows } = await fixture.database.pool.query(
      `SELECT count(*) FROM piing.uploads u JOIN piing.upload_errors e ON e.upload_id = u.id
        WHERE u.status = 'ABANDONED' AND e.code = 'EMPTY_FILE'`,
    );
    assert.deepEqual(rows, [{ count: 2 }]);
  });

  it('names that are not printable or too long', async () => {
    assertProblem(await send([schemaType(), csv(CONTENT, 'a\tb.csv')]), 400, 'BAD_FILE_NAME');
    assertProblem(await send([schemaType(), csv(CONTENT, `${'é'.repeat(130)}.csv`)]), 400, 'BAD_FILE_NAME');
  });

  it('forms without the file, its name or the schema type, and says what is missing', async () => {
    assertProblem(await send([schemaType()]), 400, 'MISSING_FILE');
    assertProblem(await send([schemaType(), csv(CONTENT, '')]), 400, 'MISSING_FILE');
    assertProblem(await send([schemaType(), { ...csv(CONTENT), name: 'upload' }]), 400, 'MISSING_FILE');
    const asText = await send([schemaType(), { name: 'file', content: CONTENT }]);
    assertProblem(asText, 400, 'MISSING_FILE');
    assert.match(String(asText.body.detail), /file=@/);
    assertProblem(await send([csv(CONTENT)]), 400, 'MISSING_SCHEMA_TYPE');
    assertProblem(await send([schemaType(''), csv(CONTENT)]), 400, 'MISSING_SCHEMA_TYPE');
    assertProblem(
      await send([schemaType(), schemaType('orgShifts'), csv(CONTENT)]),
      400,
      'INVALID_PARAMETER',
    );
  });

  it('a second file, and abandons the first', async () => {
    const jobs = (await fixture.jobs()).length;
    assertProblem(await send([schemaType(), csv(CONTENT), csv(CONTENT, 'other.csv')]), 400, 'MULTIPLE_FILES');
    assert.equal((await fixture.jobs()).length, jobs);
    const { rows } = await fixture.database.pool.query<{ status: string; object_key: string }>(
      'SELECT status, object_key FROM piing.uploads ORDER BY id DESC LIMIT 1',
    );
    assert.equal(rows[0]?.status, 'ABANDONED');
    await assert.rejects(fixture.store.read(rows[0]?.object_key ?? ''));
  });

  it('a file beyond the limit with 413, before its bytes when the length is announced', async () => {
    const before = await countUploads();
    const announced = await send([schemaType(), csv(Buffer.alloc(MAX_FILE_BYTES + MIB))]).catch(
      () => undefined,
    );
    if (announced) assertProblem(announced, 413, 'FILE_TOO_LARGE');
    assert.equal(await countUploads(), before);
    assertProblem(
      await send([schemaType(), csv(Buffer.alloc(MAX_FILE_BYTES + 1, 'a'))]),
      413,
      'FILE_TOO_LARGE',
    );
    const largest = Buffer.alloc(MAX_FILE_BYTES, 'a');
    assert.equal((await send([schemaType(), csv(largest)])).status, 202);
  });

  it('a file beyond the organization’s own limit, also while it is still being sent', async () => {
    await fixture.database.pool.query(
      `UPDATE piing.organizations SET max_file_bytes = 1000 WHERE id = 'acme'`,
    );
    try {
      const answer = await send([schemaType(), csv(Buffer.alloc(8 * MIB, 'a'))]);
      assertProblem(answer, 413, 'FILE_TOO_LARGE');
      const raw = new RawUpload(fixture.server.url, token);
      await raw.send(multipart([schemaType(), csv(Buffer.alloc(2000, 'a'))], false));
      assert.match(await raw.answer(), /^HTTP\/1\.1 413 .*FILE_TOO_LARGE/s);
      raw.socket.destroy();
    } finally {
      await fixture.database.pool.query(
        `UPDATE piing.organizations SET max_file_bytes = NULL WHERE id = 'acme'`,
      );
    }
  });

  it('a file whose first record shows a fault, with code, line and column', async () => {
    const fault = new FileFault('MISSING_COLUMNS', 'The header lacks amount.', { line: 1, column: 'amount' });
    const own = await startApiFixture({
      change: ({ intake }) => ({
        intake: {
          begin: async (request) => {
            const incoming = await intake.begin(request);
            incoming.write = async () => {
              const refusal = Refusal.from(fault);
              await incoming.abandon(refusal);
              throw refusal;
            };
            return incoming;
          },
        },
      }),
    });
    try {
      const ownToken = await own.tokenOf(await own.addClient('acme'));
      const answer = await upload(own.api, ownToken, [schemaType(), csv('id\n1\n')]);
      assertProblem(answer, 422, 'MISSING_COLUMNS');
      assert.deepEqual([answer.body.line, answer.body.column, answer.body.value], [1, 'amount', null]);
    } finally {
      await own.close();
    }
  });

  it('a request before its body is sent, when the client asks first', async () => {
    const headers = { expect: '100-continue' };
    const refused = new RawUpload(fixture.server.url, 'not-a-token', { headers });
    assert.match(await refused.answer(), /^HTTP\/1\.1 401 /);
    refused.socket.destroy();
    const admitted = new RawUpload(fixture.server.url, token, { headers });
    await admitted.answer(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    await admitted.send(multipart([schemaType(), csv(CONTENT)]));
    await admitted.send('');
    assert.match(await admitted.answer(), /HTTP\/1\.1 202 /);
    admitted.socket.destroy();
  });

  it('everything but multipart/form-data', async () => {
    const answer = await ask(`${fixture.api}/upload`, {
      method: 'POST',
      token,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    assertProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});
