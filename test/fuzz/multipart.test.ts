import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { defaultHttpLimits } from '../../src/api/limits.ts';
import { type ApiFixture, startApiFixture } from '../api/api-fixture.ts';
import { corpusOf, damaged, search } from './corpus.ts';
import { BOUNDARY, contentsOf } from './targets/multipart.ts';

const TARGET = 'multipart';

const header = fc.constantFrom(
  'content-disposition: form-data; name="file"; filename="a.csv"',
  'content-disposition: form-data; name="file"; filename="a.json"',
  'content-disposition: form-data; name="schemaType"',
  'content-disposition: form-data; name="idempotencyKey"',
  'content-disposition: form-data; name="file"; filename*=UTF-8\'\'%e2%82%ac.csv',
  'content-disposition: form-data; name="file"; filename="..\\\\..\\\\x.csv"',
  'content-disposition: form-data; name="x"; name="file"; filename="b.csv"',
  'content-disposition: form-data; name=""',
  'content-disposition: form-data',
  'content-type: text/csv; charset=utf-16',
  'content-type: application/json',
  'content-type: multipart/mixed; boundary=inner',
  'content-transfer-encoding: base64',
  'x',
  `x: ${'y'.repeat(5_000)}`,
);
const content = fc.oneof(
  fc
    .constantFrom(
      'orgTransactions',
      'orgShifts',
      'none',
      '',
      'id,amount\n1,2\n',
      `--${BOUNDARY}`,
      `\r\n--${BOUNDARY}x`,
      '\r\n--',
      '{"a":1}',
    )
    .map((each) => Buffer.from(each)),
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
);
const part = fc
  .tuple(fc.array(header, { minLength: 1, maxLength: 3 }), content)
  .map(([headers, body]) =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\n${headers.join('\r\n')}\r\n\r\n`),
      body,
      Buffer.from('\r\n'),
    ]),
  );
const SCHEMA_TYPE = Buffer.from(
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="schemaType"\r\n\r\norgTransactions\r\n`,
);
const END = Buffer.from(`--${BOUNDARY}--\r\n`);
const body = fc
  .tuple(fc.boolean(), fc.array(part, { maxLength: 4 }), fc.boolean())
  .map(([known, parts, ends]) =>
    Buffer.concat([...(known ? [SCHEMA_TYPE] : []), ...parts, ...(ends ? [END] : [])]),
  );

describe('A fuzzed multipart body', function () {
  this.timeout(600_000);
  let fixture: ApiFixture;
  let token: string;

  before(async () => {
    const limits = defaultHttpLimits({
      requestsPerMinute: 1_000_000,
      requestsPerMinuteAndAddress: 1_000_000,
    });
    fixture = await startApiFixture({ change: () => ({ limits }) });
    token = await fixture.tokenOf(await fixture.addClient('acme'));
  });
  after(() => fixture.close());

  async function send(bytes: Buffer): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${fixture.api}/upload`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      },
      body: bytes,
      signal: AbortSignal.timeout(20_000),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  async function check(bytes: Buffer): Promise<void> {
    const { status, body } = await send(bytes);
    assert.ok(status === 202 || (status >= 400 && status < 500), `${status} ${JSON.stringify(body)}`);
    if (status !== 202) return assert.equal(typeof body.code, 'string');
    // What was acknowledged is a run of the body's own bytes, between two of its boundaries.
    assert.ok(
      contentsOf(bytes).some((piece) => sha256(piece) === body.sha256),
      'other bytes than were sent',
    );
  }

  async function expectNothingOpen(): Promise<void> {
    const sql = `SELECT count(*) AS open FROM piing.uploads WHERE status = 'RECEIVING'`;
    const { rows } = await fixture.database.pool.query<{ open: number }>(sql);
    assert.equal(rows[0]?.open, 0);
  }

  for (const { name, bytes } of corpusOf(TARGET))
    it(`is answered, and leaves nothing open: ${name}`, async () => {
      await check(bytes);
      await expectNothingOpen();
    });

  it('answers every body with 202 or a problem, and leaves no upload half received', async () => {
    await search(TARGET, damaged(body), check);
    await expectNothingOpen();
  });

  it('is acknowledged when it is whole, however its content looks', async () => {
    const file = Buffer.from(
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`,
    );
    await fc.assert(
      fc.asyncProperty(
        content.filter((each) => each.length > 0 && !each.includes(`--${BOUNDARY}`)),
        async (each) => {
          const answer = await send(Buffer.concat([SCHEMA_TYPE, file, each, Buffer.from('\r\n'), END]));
          // The preflight of this fixture takes everything; its own tests are elsewhere.
          assert.equal(answer.status, 202, JSON.stringify(answer.body));
          assert.equal(answer.body.sha256, sha256(each));
        },
      ),
      { numRuns: 50 },
    );
  });
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
