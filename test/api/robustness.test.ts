import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { pino } from 'pino';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import {
  type Answer,
  ask,
  assertProblem,
  BOUNDARY,
  beginning,
  csv,
  eventually,
  multipart,
  type Part,
  RawUpload,
  schemaType,
  upload,
} from './http-client.ts';

const CONTENT = 'id,amount\n1,10.00\n';

describe('the API under bad input', () => {
  let fixture: ApiFixture;
  let client: TestClient;
  let token: string;
  const lines: string[] = [];

  before(async () => {
    const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
    fixture = await startApiFixture({ logger });
    client = await fixture.addClient('acme');
    token = await fixture.tokenOf(client);
  });
  afterEach(async () => {
    const answer = await upload(fixture.api, token, [schemaType(), csv(CONTENT)]);
    assert.equal(answer.status, 202, 'the server still serves');
  });
  after(() => fixture.close());

  const send = (
    body: string | Uint8Array,
    contentType = `multipart/form-data; boundary=${BOUNDARY}`,
  ): Promise<Answer> =>
    ask(`${fixture.api}/upload`, { method: 'POST', token, headers: { 'content-type': contentType }, body });

  /** Writes bytes to a socket and reads until the server closes it or has answered. */
  function raw(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(fixture.server.port, '127.0.0.1');
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (/\r\n\r\n\{.*\}$/s.test(received)) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(received));
      socket.write(bytes);
    });
  }

  it('answers 400 to a multipart body without boundary, with another boundary, or with none at all', async () => {
    const body = multipart([schemaType(), csv(CONTENT)]);
    const missing = await send(body, 'multipart/form-data');
    assertProblem(missing, 400, 'MALFORMED_MULTIPART');
    assert.match(String(missing.body.detail), /boundary/);
    for (const [content, type] of [
      [body, 'multipart/form-data; boundary='],
      [body, 'multipart/form-data; boundary=another'],
      [body, `multipart/form-data; boundary=${'x'.repeat(5_000)}`],
      ['no multipart at all', undefined],
      [`--${BOUNDARY}\r\n`, undefined],
      [`--${BOUNDARY}\r\n\r\n`, undefined],
      [`--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n`, undefined],
      [body.subarray(0, body.length - 30), undefined],
    ] as const) {
      const answer = await send(content, type);
      assert.ok(answer.status === 400 && typeof answer.body.code === 'string', JSON.stringify(answer.body));
    }
    assertProblem(await send(''), 400, 'MISSING_FILE');
    assertProblem(await send(`--${BOUNDARY}--\r\n`), 400, 'MISSING_FILE');
  });

  it('answers 4xx to parts without name, without disposition, with hostile names or odd charsets', async () => {
    const head = `--${BOUNDARY}\r\n`;
    const end = `\r\n--${BOUNDARY}--\r\n`;
    const heads = [
      'content-disposition: form-data',
      'content-disposition: form-data; filename="a.csv"',
      'content-disposition: attachment; name="file"; filename="a.csv"',
      'content-disposition:',
      'content-type: text/csv',
      'content-disposition: form-data; name="__proto__"; filename="a.csv"',
      'content-disposition: form-data; name="constructor"',
      'content-disposition: form-data; name="toString"; filename="a.csv"\r\ncontent-type: text/csv',
      `content-disposition: form-data; name="file"; filename*=nonsense''%ff%fe.csv`,
      `content-disposition: form-data; name="file"; filename*=UTF-8''%ff.csv`,
      'content-disposition: form-data; name="file"; filename=".."\r\ncontent-type: text/csv',
      'content-disposition: form-data; name="schemaType"\r\ncontent-type: text/plain; charset=nonsense',
      'content-disposition: form-data; name="schemaType"\r\ncontent-type: application/json',
      ...['\u0000', '\u202e', '\ufffd'].map(
        (odd) => `content-disposition: form-data; name="file"; filename="a${odd}.csv"`,
      ),
    ];
    for (const text of heads) {
      const body = Buffer.concat([
        multipart([schemaType()], false),
        Buffer.from(`${head}${text}\r\n\r\n${CONTENT}${end}`),
      ]);
      const { status, body: problem } = await send(body);
      assert.ok(status >= 400 && status < 500, `${status} ${text} ${JSON.stringify(problem)}`);
    }
  });

  it('answers 400 to huge fields, too many fields and too many parts', async () => {
    const huge: Part = { name: 'schemaType', content: 'x'.repeat(5_000_000) };
    assertProblem(await send(multipart([huge, csv(CONTENT)])), 400, 'FIELD_TOO_LONG');
    assertProblem(
      await send(multipart([schemaType('x'.repeat(1_025)), csv(CONTENT)])),
      400,
      'FIELD_TOO_LONG',
    );
    const many = Array.from(
      { length: 2_000 },
      (_, index): Part => ({ name: `field-${index}`, content: 'x' }),
    );
    assertProblem(await send(multipart([...many, schemaType(), csv(CONTENT)])), 400, 'TOO_MANY_PARTS');
    assertProblem(await send(multipart([schemaType(), csv(CONTENT), ...many])), 400, 'TOO_MANY_PARTS');
    const files = Array.from({ length: 2_000 }, (_, index) => csv(CONTENT, `${index}.csv`));
    assertProblem(await send(multipart([schemaType(), ...files])), 400, 'MULTIPLE_FILES');
  });

  it('survives bodies with random damage', async () => {
    const valid = multipart([schemaType(), { name: 'idempotencyKey', content: 'k' }, csv(CONTENT)]);
    let seed = 20260220;
    // A linear congruential generator: the same damage in every run.
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const damaged = Array.from({ length: 300 }, () => {
      const bytes = Buffer.from(valid);
      for (let count = 1 + random(4); count > 0; count -= 1) bytes[random(bytes.length)] = random(256);
      return random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    });
    for (let at = 0; at < damaged.length; at += 20) {
      const answers = await Promise.all(damaged.slice(at, at + 20).map((body) => send(body)));
      for (const { status, body } of answers)
        assert.ok(status === 202 || (status >= 400 && status < 500), `${status} ${JSON.stringify(body)}`);
    }
  });

  it('answers problems to unknown routes and other methods, whatever their bodies are', async () => {
    assertProblem(await ask(`${fixture.server.url}/`), 404, 'NOT_FOUND');
    assertProblem(
      await ask(`${fixture.api}/nothing`, { method: 'POST', body: 'x'.repeat(100_000) }),
      404,
      'NOT_FOUND',
    );
    const wrong = await ask(`${fixture.api}/upload`, { method: 'DELETE' });
    assertProblem(wrong, 405, 'METHOD_NOT_ALLOWED');
    assert.equal(wrong.headers.get('allow'), 'POST');
    const get = await ask(`${fixture.api}/auth/token`);
    assertProblem(get, 405, 'METHOD_NOT_ALLOWED');
    const put = await ask(`${fixture.api}/uploads`, {
      method: 'PUT',
      body: '<x/>',
      headers: { 'content-type': 'a/b' },
    });
    assertProblem(put, 405, 'METHOD_NOT_ALLOWED');
    assert.match(put.headers.get('allow') ?? '', /GET/);
  });

  it('answers problems to paths, headers and bytes that are no good HTTP', async () => {
    const head = 'HTTP/1.1 400 ';
    for (const [bytes, status] of [
      ['GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n', head],
      ['hello\r\n\r\n', head],
      ['GET / HTTP/1.1\r\n\r\n', head],
      ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', head],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 'HTTP/1.1 431 '],
    ] as const) {
      const answer = await raw(bytes);
      assert.ok(answer.startsWith(status), answer);
      if (!bytes.startsWith('GET / HTTP/1.1\r\n\r\n')) assert.match(answer, /application\/problem\+json/);
    }
  });

  it('ends chunks that are none, lengths that do not match and both at once, and leaves no upload behind', async () => {
    const auth = `host: x\r\nauthorization: Bearer ${token}\r\ncontent-type: multipart/form-data; boundary=${BOUNDARY}\r\n`;
    const post = 'POST /api/external/upload HTTP/1.1\r\n';
    const body = multipart([schemaType(), csv(CONTENT)]).toString('latin1');
    const start = body.slice(0, -30);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const cases: [string, string][] = [
      [
        'a chunk length that is no number',
        `${post}${auth}transfer-encoding: chunked\r\n\r\nzz\r\n${body}\r\n`,
      ],
      [
        'garbage between chunks',
        `${post}${auth}transfer-encoding: chunked\r\n\r\n${chunk(start)}\0\0garbage\r\n\r\n`,
      ],
      ['an endless chunk length', `${post}${auth}transfer-encoding: chunked\r\n\r\n${'f'.repeat(40)}\r\n`],
      [
        'a length and chunks',
        `${post}${auth}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
      ],
      ['two lengths', `${post}${auth}content-length: 5\r\ncontent-length: 6\r\n\r\n${body}`],
      ['a length below zero', `${post}${auth}content-length: -5\r\n\r\n${body}`],
      ['a body shorter than its form', `${post}${auth}content-length: ${start.length}\r\n\r\n${start}`],
      ['a transfer coding that nobody knows', `${post}${auth}transfer-encoding: zip\r\n\r\n${body}`],
    ];
    for (const [what, bytes] of cases) {
      const answer = await raw(bytes);
      assert.match(answer, /^HTTP\/1\.1 (4\d\d|501) /, what);
      assert.doesNotMatch(answer, / 202 /, what);
    }
    const open = await eventually(
      () => fixture.database.pool.query(`SELECT id FROM piing.uploads WHERE status = 'RECEIVING'`),
      ({ rowCount }) => rowCount === 0,
    );
    assert.equal(open.rowCount, 0);
    const { values } = await fixture.metrics.uploadsInProgress.get();
    assert.equal(values.find(({ labels }) => labels.source === 'http')?.value, 0);
  });

  it('answers requests that were sent ahead in their order, and refuses more than a hundred headers', async () => {
    const one = `GET /api/external/nothing HTTP/1.1\r\nhost: x\r\n\r\n`;
    const answers = await new Promise<string>((resolve) => {
      const socket = connect(fixture.server.port, '127.0.0.1', () => socket.write(one.repeat(20)));
      let received = '';
      socket.on('data', (data) => {
        received += data.toString('latin1');
        if (received.split('HTTP/1.1 404').length === 21) socket.destroy();
      });
      socket.on('close', () => resolve(received));
    });
    assert.equal(answers.split('HTTP/1.1 404').length, 21);
    const many = Array.from({ length: 300 }, (_, index) => `x-${index}: y\r\n`).join('');
    assert.match(
      await raw(`GET /api/external/nothing HTTP/1.1\r\nhost: x\r\n${many}\r\n`),
      /^HTTP\/1\.1 431 .*more than 100/s,
    );
  });

  it('puts the security headers and a request id on every answer, also on problems', async () => {
    for (const path of ['/uploads', '/schemas', '/nothing', '/upload/x']) {
      const { headers } = await ask(`${fixture.api}${path}`, { token });
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.match(headers.get('cache-control') ?? '', /^(no-store|private, no-cache)$/);
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
      assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    }
  });

  it('logs one line a request, with the client, and never a secret, a token or a body', async () => {
    lines.length = 0;
    const path = '/api/external/uploads?fileName=payroll-secret.csv';
    await ask(`${fixture.server.url}${path}`, { token });
    await fixture.tokenOf(client);
    // The secret in the place of the id.
    await ask(`${fixture.api}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: client.clientSecret, client_secret: client.clientId }),
    });
    const gone = new RawUpload(fixture.server.url, token);
    await gone.send(beginning([schemaType(), csv(CONTENT)]));
    gone.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const requests = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'HTTP request');
    const [list, login, denied, aborted] = requests;
    assert.equal(list?.method, 'GET');
    assert.equal(list?.route, '/api/external/uploads');
    assert.equal(list?.status, 200);
    assert.equal(list?.organizationId, 'acme');
    assert.equal(list?.clientId, client.clientId);
    assert.equal(typeof list?.ms, 'number');
    assert.match(String(list?.requestId), /^[0-9a-f-]{36}$/);
    assert.equal(login?.route, '/api/external/auth/token');
    assert.equal(denied?.status, 401);
    assert.equal(aborted?.route, '/api/external/upload');
    assert.equal(aborted?.status, 499);
    assert.equal(requests.length, 4);
    const all = lines.join('');
    for (const secret of [client.clientSecret, token, 'payroll-secret']) assert.ok(!all.includes(secret));
  });
});
