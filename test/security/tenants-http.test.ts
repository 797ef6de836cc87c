import assert from 'node:assert/strict';
import { type ApiFixture, startApiFixture, type TestClient } from '../api/api-fixture.ts';
import { BOUNDARY, csv, multipart, schemaType } from '../api/http-client.ts';
import { type Operation, openApiOf } from '../api/openapi-check.ts';

/** Stands in the names and the values of the first tenant's files, and nowhere else. */
const MARK = 'isolation-mark';
const KEY = `key-${MARK}`;
const HEAD =
  'transaction_id,location_id,transaction_type,status,business_date,opened_at,currency,total_amount\n';
const line = (id: string, amount: string) =>
  `${MARK}-${id},L1,sale,closed,2026-02-20,2026-02-20T10:00:00Z,USD,${amount}\n`;
const FILE = HEAD + line('1', '10.00') + line('2', MARK);

/** What another tenant gets of each operation when it names what is not its own. A new operation has to be added. */
const EXPECTED: Readonly<
  Record<string, 'nothing of theirs' | 'not found' | 'forbidden' | 'the same for everybody'>
> = {
  getToken: 'the same for everybody',
  getKeySet: 'the same for everybody',
  listSchemaTypes: 'nothing of theirs',
  getSchemaType: 'not found',
  getTemplate: 'not found',
  listUploads: 'nothing of theirs',
  sendFile: 'forbidden',
  getUpload: 'not found',
  getUploadStatus: 'not found',
  watchUpload: 'not found',
  listUploadErrors: 'not found',
  getRejectReport: 'not found',
};

interface Answer {
  readonly status: number;
  readonly text: string;
}

describe('A tenant of the API', function () {
  this.timeout(60_000);
  let fixture: ApiFixture;
  let theirs: TestClient;
  let own: TestClient;
  let theirToken: string;
  let token: string;
  /** An upload of the first tenant in each of its states. */
  const ids: Record<string, string> = {};
  const operations: { readonly method: string; readonly path: string; readonly operation: Operation }[] = [];

  before(async () => {
    fixture = await startApiFixture();
    theirs = await fixture.addClient('first-tenant', ['orgTransactions', 'orgShifts']);
    own = await fixture.addClient('second-tenant', ['orgShifts']);
    [theirToken, token] = [await fixture.tokenOf(theirs), await fixture.tokenOf(own)];
    for (const state of ['PARTIALLY_COMPLETED', 'RECEIVING', 'PENDING', 'PROCESSING', 'FAILED', 'ABANDONED'])
      ids[state] = await theirUpload(state);
    for (const [path, methods] of Object.entries((await openApiOf(fixture.server.url)).paths))
      for (const [method, operation] of Object.entries(methods)) operations.push({ method, path, operation });
  });
  after(() => fixture.close());

  async function send(bearer: string, type: string, headers: Record<string, string> = {}): Promise<Answer> {
    return request('POST', '/api/external/upload', bearer, {
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
      body: multipart([schemaType(type), csv(FILE, `${MARK}.csv`)]),
    });
  }

  async function request(
    method: string,
    path: string,
    bearer: string,
    init: RequestInit = {},
  ): Promise<Answer> {
    const headers = { authorization: `Bearer ${bearer}`, ...(init.headers as Record<string, string>) };
    const signal = AbortSignal.timeout(10_000);
    const answer = await fetch(fixture.server.url + path, { ...init, method, headers, signal });
    return { status: answer.status, text: await answer.text() };
  }

  async function theirUpload(state: string): Promise<string> {
    const first = state === 'PARTIALLY_COMPLETED';
    const { status, text } = await send(
      theirToken,
      'orgTransactions',
      first ? { 'idempotency-key': KEY } : {},
    );
    assert.equal(status, 202, text);
    const { uploadId } = JSON.parse(text) as { uploadId: string };
    if (first) await fixture.processJobs();
    else
      await fixture.database.pool.query('UPDATE piing.uploads SET status = $1 WHERE id = $2', [
        state,
        uploadId,
      ]);
    return uploadId;
  }

  /** Nothing of the first tenant: no names, no values, no counts; the id is what was asked for. */
  function assertNothing({ text }: Answer, what: string): void {
    assert.doesNotMatch(text, new RegExp(`${MARK}|first-tenant|${theirs.clientId}`), what);
    assert.doesNotMatch(text, /"(fileName|rows|sha256)":("[^"]|\{)/, what);
  }

  const pathsOf = (template: string): string[] => {
    if (!template.includes('{id}')) return [template.replace('{type}', 'orgTransactions')];
    return Object.values(ids).flatMap((id) =>
      [template, template.replace('/upload/', '/uploads/')].map((path) => path.replace('{id}', id)),
    );
  };

  it('meets every operation of the description in this test', () => {
    assert.deepEqual(
      operations.map(({ operation }) => operation.operationId).sort(),
      Object.keys(EXPECTED).sort(),
    );
  });

  it('has what it would be refused, so that a refusal means something', async () => {
    const detail = await request('GET', `/api/external/upload/${ids.PARTIALLY_COMPLETED}`, theirToken);
    assert.match(detail.text, /"status":"PARTIALLY_COMPLETED".*"loaded":1.*"rejected":1/);
    for (const rest of ['errors', 'rejects.csv', 'status', 'events'])
      assert.match(
        (await request('GET', `/api/external/upload/${ids.PARTIALLY_COMPLETED}/${rest}`, theirToken)).text,
        new RegExp(MARK),
        rest,
      );
  });

  it('gets 404 for every address of another’s upload, in every state, and of another’s schema type, by GET and by HEAD', async () => {
    for (const { path, method, operation } of operations) {
      if (EXPECTED[operation.operationId] !== 'not found') continue;
      for (const each of pathsOf(path)) {
        const answer = await request(method.toUpperCase(), each, token);
        assert.equal(answer.status, 404, `${method} ${each}`);
        assertNothing(answer, each);
        if (operation.operationId === 'watchUpload') continue;
        assert.equal((await request('HEAD', each, token)).status, 404, `HEAD ${each}`);
      }
    }
  });

  it('gets 404 word for word as for an id that never was, so that ids cannot be tried', async () => {
    const never = '01890000-0000-7000-8000-000000000000';
    const of = async (id: string) =>
      (await request('GET', `/api/external/upload/${id}/status`, token)).text.replaceAll(id, 'ID');
    for (const id of Object.values(ids)) assert.equal(await of(id), await of(never));
  });

  it('does not learn by a condition, a wait or a cursor what it may not read', async () => {
    const path = `/api/external/upload/${ids.PARTIALLY_COMPLETED}`;
    for (const [rest, headers] of [
      ['', { 'if-none-match': '*' }],
      ['/rejects.csv', { 'if-none-match': '*', range: 'bytes=0-10' }],
      ['/status?wait=5', {}],
      ['/errors?offset=1', {}],
      ['/events', { 'last-event-id': `${ids.PARTIALLY_COMPLETED}` }],
    ] as const) {
      const answer = await request('GET', path + rest, token, { headers });
      assert.equal(answer.status, 404, rest);
    }
    const cursor = Buffer.from(`u1:${'f'.repeat(8)}-ffff-7fff-bfff-${'f'.repeat(12)}`).toString('base64url');
    for (const filter of [
      '',
      `fileName=${MARK}*`,
      'fileName=*',
      'schemaType=orgTransactions',
      'status=PENDING',
      'since=2000-01-01T00:00:00Z',
      `cursor=${cursor}`,
      'organizationId=first-tenant',
    ]) {
      const answer = await request('GET', `/api/external/uploads?limit=100&${filter}`, token);
      assertNothing(answer, filter);
      if (answer.status === 200) assert.deepEqual(JSON.parse(answer.text).uploads, [], filter);
      else assert.equal(answer.status, 400, filter);
    }
  });

  it('is refused a schema type that only another has, and sees it nowhere', async () => {
    const answer = await send(token, 'orgTransactions');
    assert.equal(answer.status, 403);
    const list = await request('GET', '/api/external/schemas', token);
    assert.doesNotMatch(list.text, /orgTransactions/);
  });

  it('may use another’s idempotency key and bytes, and hears nothing of the file that has them', async () => {
    await fixture.database.pool.query(
      `INSERT INTO piing.schema_enablements (organization_id, schema_type, namespace, name, transformer)
       SELECT 'second-tenant', schema_type, 'second-tenant', name, transformer FROM piing.schema_enablements
        WHERE organization_id = 'first-tenant' AND schema_type = 'orgTransactions'`,
    );
    const answer = await send(token, 'orgTransactions', { 'idempotency-key': KEY });
    assert.equal(answer.status, 202, answer.text);
    const upload = JSON.parse(answer.text) as { uploadId: string; duplicateOf: unknown };
    assert.ok(!Object.values(ids).includes(upload.uploadId));
    assert.equal(upload.duplicateOf, null);
    await fixture.database.pool.query(`DELETE FROM piing.jobs WHERE organization_id = 'first-tenant'`);
    await fixture.processJobs();
    const own = await request('GET', `/api/external/upload/${upload.uploadId}/status`, token);
    assert.match(own.text, /"loaded":1,"unchanged":0.*"duplicateOf":null/);
    const { rows } = await fixture.database.pool.query(
      `SELECT organization_id, _upload_id FROM org_transactions WHERE transaction_id = $1 ORDER BY 1`,
      [`${MARK}-1`],
    );
    assert.deepEqual(rows, [
      { organization_id: 'first-tenant', _upload_id: ids.PARTIALLY_COMPLETED },
      { organization_id: 'second-tenant', _upload_id: upload.uploadId },
    ]);
  });

  it('hears of its own uploads alone while it waits', async () => {
    const sent = await send(token, 'orgTransactions');
    const { uploadId } = JSON.parse(sent.text) as { uploadId: string };
    const { pool } = fixture.database;
    const stream = request('GET', `/api/external/upload/${uploadId}/events`, token);
    await pool.query(`UPDATE piing.uploads SET status = 'COMPLETED' WHERE organization_id = 'first-tenant'`);
    await pool.query(`UPDATE piing.uploads SET status = 'FAILED' WHERE id = $1`, [uploadId]);
    const { text } = await stream;
    assert.match(text, /"status":"FAILED"/);
    for (const id of Object.values(ids)) assert.ok(!text.includes(id));
    assert.doesNotMatch(text, /COMPLETED|first-tenant/);
  });

  it('has no token that opens another’s door when its credential is moved', async () => {
    const { pool } = fixture.database;
    await pool.query(
      `UPDATE piing.credentials SET organization_id = 'first-tenant', name = 'moved' WHERE client_id = $1`,
      [own.clientId],
    );
    const answer = await request('GET', '/api/external/uploads', token);
    assert.equal(answer.status, 401, answer.text);
  });
});
