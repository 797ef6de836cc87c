import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { MAX_BUFFERED_BYTES } from '../../src/storage/raw-store.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { type Answer, assertProblem, csv, type Part, schemaType, upload } from './http-client.ts';

const CONTENT = 'transaction_id,amount\n1,10.00\n';
const MIB = 1024 * 1024;

describe('POST /upload', () => {
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

  async function stored(uploadId: unknown): Promise<Buffer> {
    const { rows } = await fixture.database.pool.query<{ object_key: string }>(
      'SELECT object_key FROM piing.uploads WHERE id = $1',
      [uploadId],
    );
    return buffer(await fixture.store.read(rows[0]?.object_key ?? ''));
  }

  async function assertReceived(answer: Answer, content: Uint8Array | string): Promise<void> {
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const { uploadId, receivedAt, ...rest } = answer.body;
    assert.deepEqual(rest, {
      status: 'PENDING',
      schemaType: 'orgTransactions',
      fileName: 'sales.csv',
      source: 'http',
      sizeBytes: Buffer.byteLength(content),
      sha256: createHash('sha256').update(content).digest('hex'),
      startedAt: null,
      completedAt: null,
      rows: null,
      errors: [],
      warnings: [],
      retryable: false,
      duplicateOf: rest.duplicateOf,
    });
    assert.ok(Math.abs(Date.parse(String(receivedAt)) - Date.now()) < 10_000);
    assert.equal(answer.headers.get('location'), `/api/external/upload/${uploadId}/status`);
    assert.deepEqual(await stored(uploadId), Buffer.from(content));
    assert.ok(
      (await fixture.jobs()).some((job) => job.uploadId === uploadId && job.organizationId === 'acme'),
    );
  }

  it('acknowledges a file with 202 once it is stored, recorded and enqueued', async () => {
    await assertReceived(await send([schemaType(), csv(CONTENT)]), CONTENT);
  });

  it('takes the schema type from the query too, and ignores fields that it does not know', async () => {
    const parts = [{ name: 'comment', content: 'february' }, csv(CONTENT)];
    await assertReceived(await send(parts, { query: '?schemaType=orgTransactions' }), CONTENT);
  });

  it('takes a small file that comes before its schema type', async () => {
    await assertReceived(await send([csv(CONTENT), schemaType()]), CONTENT);
  });

  it('streams: the store never holds more of a 10 MB file than its two parts', async () => {
    const content = randomBytes(10 * MIB);
    await assertReceived(await send([schemaType(), csv(content)]), content);
    assert.ok(fixture.mostBufferedBytes() <= MAX_BUFFERED_BYTES, `${fixture.mostBufferedBytes()} bytes`);
  });

  it('keeps file names in other scripts and strips directories', async () => {
    const answer = await send([schemaType(), csv(CONTENT, 'C:\\exports\\ventes-févr-売上.csv')]);
    assert.equal(answer.status, 202);
    assert.equal(answer.body.fileName, 'ventes-févr-売上.csv');
  });

  it('knows the format by the name, else by the content type, and refuses others', async () => {
    const named = (fileName: string, type: string): Part => ({
      name: 'file',
      content: '[{"a":1}]',
      fileName,
      type,
    });
    assert.equal((await send([schemaType(), named('a.JSON', 'application/octet-stream')])).status, 202);
    assert.equal((await send([schemaType(), named('blob', 'application/json')])).status, 202);
    assert.equal((await send([schemaType(), named('blob', 'text/csv; charset=utf-8')])).status, 202);
    assertProblem(
      await send([schemaType(), named('a.xlsx', 'application/zip')]),
      415,
      'UNSUPPORTED_FILE_FORMAT',
    );
    assertProblem(
      await send([schemaType(), named('blob', 'application/octet-stream')]),
      415,
      'UNSUPPORTED_FILE_FORMAT',
    );
  });

  it('works with curl as the tenants’ page has it, in any order of its -F options', async function () {
    const directory = await temporaryDirectory('curl');
    const small = join(directory, 'sales.csv');
    const large = join(directory, 'large.csv');
    await writeFile(small, CONTENT);
    await writeFile(large, Buffer.alloc(3 * MIB, 'a'));
    const run = promisify(execFile);
    const curl = async (...args: string[]) => {
      const { stdout } = await run('curl', ['-s', '-H', `Authorization: Bearer ${token}`, ...args]);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const url = `${fixture.api}/upload`;
    try {
      await run('curl', ['--version']);
    } catch {
      this.skip();
    }
    assert.equal(
      (await curl('-F', 'schemaType=orgTransactions', '-F', `file=@${small}`, url)).status,
      'PENDING',
    );
    assert.equal(
      (await curl('-F', `file=@${small}`, '-F', 'schemaType=orgTransactions', url)).status,
      'PENDING',
    );
    // More than 1 MiB: curl asks with Expect: 100-continue before it sends.
    assert.equal(
      (await curl('-F', 'schemaType=orgTransactions', '-F', `file=@${large}`, url)).status,
      'PENDING',
    );
    const fileFirst = await curl('-F', `file=@${large}`, '-F', 'schemaType=orgTransactions', url);
    assert.equal(fileFirst.code, 'FIELDS_AFTER_FILE');
    const inQuery = await curl('-F', `file=@${large}`, `${url}?schemaType=orgTransactions`);
    assert.equal(inQuery.status, 'PENDING');
    const status = await curl(`${fixture.api}/upload/${inQuery.uploadId}/status`);
    assert.equal(status.uploadId, inQuery.uploadId);
  });

  it('says of a file with the same bytes as an earlier one which that was', async () => {
    const content = `id\n${randomBytes(8).toString('hex')}\n`;
    const first = await send([schemaType(), csv(content)]);
    assert.equal(first.body.duplicateOf, null);
    const second = await send([schemaType(), csv(content)]);
    assert.equal(second.body.duplicateOf, first.body.uploadId);
  });
});
