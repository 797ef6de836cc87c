import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { defaultHttpLimits, type HttpLimitName, type HttpLimits } from '../../src/api/limits.ts';
import { readSettings, SettingsError } from '../../src/settings.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import {
  ask,
  assertProblem,
  beginning,
  CLOSING,
  csv,
  eventually,
  RawUpload,
  schemaType,
  upload,
} from './http-client.ts';

const CONTENT = 'id,amount\n1,10.00\n';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('The limits of the API', () => {
  let fixture: ApiFixture | undefined;

  async function start(limits: Partial<HttpLimits>): Promise<ApiFixture> {
    fixture = await startApiFixture({ change: () => ({ limits: defaultHttpLimits(limits) }) });
    return fixture;
  }
  afterEach(() => fixture?.close());

  async function met({ metrics }: ApiFixture, limit: HttpLimitName): Promise<number> {
    const { values } = await metrics.httpLimits.get();
    return values.find(({ labels }) => labels.limit === limit)?.value ?? 0;
  }

  describe('on requests', () => {
    it('tell every answer how many are left, and 429 with Retry-After when none is', async () => {
      const own = await start({ requestsPerMinute: 3 });
      const token = await own.tokenOf(await own.addClient('acme'));
      const list = (as = token) => ask(`${own.api}/uploads`, { token: as });
      for (const left of [2, 1, 0]) {
        const { headers, status } = await list();
        assert.equal(status, 200);
        assert.equal(headers.get('ratelimit-policy'), '"credential";q=3;w=60');
        assert.match(headers.get('ratelimit') ?? '', new RegExp(`^"credential";r=${left};t=(60|5\\d)$`));
      }
      const refused = await list();
      assertProblem(refused, 429, 'RATE_LIMITED');
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds > 50 && seconds <= 60);
      assert.match(String(refused.body.detail), /More than 3 requests/);
      assert.equal(await met(own, 'requests'), 1);
      const other = await own.tokenOf(await own.addClient('globex'));
      assert.equal((await list(other)).status, 200, 'another credential has its own');
    });

    it('count per address before any login, unknown routes and wrong tokens included', async () => {
      const own = await start({ requestsPerMinuteAndAddress: 4 });
      assertProblem(await ask(`${own.api}/nothing`), 404, 'NOT_FOUND');
      const wrong = await ask(`${own.api}/uploads`, { token: 'x' });
      assertProblem(wrong, 401, 'INVALID_TOKEN');
      assert.match(wrong.headers.get('ratelimit') ?? '', /^"address";r=2;/);
      assert.equal((await fetch(`${own.server.url}/docs`)).status, 200);
      assertProblem(await ask(`${own.api}/uploads`), 401, 'MISSING_TOKEN');
      assertProblem(await ask(`${own.api}/uploads`), 429, 'RATE_LIMITED');
      const login = await ask(`${own.api}/auth/token`, { method: 'POST' });
      assertProblem(login, 429, 'RATE_LIMITED');
      assert.equal(login.body.error, 'temporarily_unavailable');
      assert.equal(await met(own, 'requests-per-address'), 2);
    });
  });

  describe('on connections', () => {
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    async function opened({ server }: ApiFixture, localAddress = '127.0.0.1'): Promise<Socket> {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress });
      sockets.push(socket.on('error', () => undefined));
      await once(socket, 'connect');
      return socket;
    }

    /** All that the server says to a socket until it closes it, or until the answer is whole. */
    function words(socket: Socket): Promise<string> {
      return new Promise((resolve) => {
        let received = '';
        socket.on('data', (data) => {
          received += data;
          if (/\r\n\r\n.*\}$/s.test(received)) resolve(received);
        });
        socket.once('close', () => resolve(received));
      });
    }

    async function open({ metrics }: ApiFixture): Promise<number | undefined> {
      return (await metrics.httpConnections.get()).values[0]?.value;
    }

    const get = (path: string, token?: string) =>
      `GET /api/external${path} HTTP/1.1\r\nhost: x\r\n${token ? `authorization: Bearer ${token}\r\n` : ''}\r\n`;

    it('of the process: the next ones hear 503 and are closed, those that are there go on', async () => {
      const own = await start({ connections: 2 });
      const first = await opened(own);
      await opened(own);
      const refused = await words(await opened(own));
      assert.match(refused, /^HTTP\/1\.1 503 /);
      assert.match(refused, /retry-after: \d+\r\n/);
      assert.match(refused, /connection: close\r\n/);
      assert.match(refused, /"code":"SERVICE_UNAVAILABLE"/);
      assert.equal(await met(own, 'connections'), 1);
      assert.equal(await open(own), 2);
      const answer = words(first);
      first.write(get('/uploads'));
      assert.match(await answer, /^HTTP\/1\.1 401 /);
      for (const socket of sockets) socket.destroy();
      await eventually(
        async () => open(own),
        (count) => count === 0,
      );
      assert.equal((await fetch(`${own.server.url}/docs`)).status, 200);
    });

    it('of an address that only connects, before it has taken every place, and let others in', async () => {
      const own = await start({ connections: 10, unauthenticatedPerAddress: 2 });
      const [stranger] = [await opened(own), await opened(own)];
      assert.match(await words(await opened(own)), /^HTTP\/1\.1 503 /);
      assert.equal(await met(own, 'unauthenticated-per-address'), 1);
      const other = await opened(own, '127.0.0.2');
      other.write(get('/uploads'));
      assert.match(await words(other), /^HTTP\/1\.1 401 /);
      stranger.write(get('/uploads', 'made-up'));
      assert.match(await words(stranger), /^HTTP\/1\.1 401 /);
      assert.match(await words(await opened(own)), /^HTTP\/1\.1 503 /, 'a denied request is no login');
      stranger.destroy();
      await eventually(
        async () => open(own),
        (count) => count === 2,
      );
      const next = await opened(own);
      next.write(get('/uploads'));
      assert.match(await words(next), /^HTTP\/1\.1 401 /);
    });

    it('count none that has carried an authenticated request, or a login', async () => {
      const own = await start({ unauthenticatedPerAddress: 1 });
      const client = await own.addClient('acme');
      const token = await own.tokenOf(client);
      for (let count = 0; count < 3; count += 1) {
        const socket = await opened(own);
        socket.write(get('/uploads', token));
        assert.match(await words(socket), /^HTTP\/1\.1 200 /);
      }
      const login = await opened(own);
      const body = JSON.stringify({ client_id: client.clientId, client_secret: client.clientSecret });
      login.write(
        `POST /api/external/auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      assert.match(await words(login), /^HTTP\/1\.1 200 /);
      const last = await opened(own);
      last.write(get('/uploads', token));
      assert.match(await words(last), /^HTTP\/1\.1 200 /);
      assert.equal(await met(own, 'unauthenticated-per-address'), 0);
    });

    it('count no address of a trusted proxy, behind which all clients are', async () => {
      fixture = await startApiFixture({
        change: () => ({
          limits: defaultHttpLimits({ unauthenticatedPerAddress: 1 }),
          trustedProxies: ['127.0.0.0/8'],
        }),
      });
      for (let count = 0; count < 5; count += 1) {
        const socket = await opened(fixture);
        socket.write(get('/uploads'));
        assert.match(await words(socket), /^HTTP\/1\.1 401 /);
      }
      assert.equal(await met(fixture, 'unauthenticated-per-address'), 0);
    });
  });

  describe('on the time of strangers', () => {
    it('end a login whose body does not come, with 408', async () => {
      const own = await start({ smallBodyMs: 500 });
      const socket = connect(own.server.port, '127.0.0.1');
      socket.write(
        'POST /api/external/auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
      );
      const drip = setInterval(() => socket.write(' '), 50);
      const received = await new Promise<string>((resolve) => {
        let all = '';
        socket.on('data', (data) => {
          all += data;
        });
        socket.on('error', () => undefined);
        socket.once('close', () => resolve(all));
      });
      clearInterval(drip);
      assert.match(received, /^HTTP\/1\.1 408 .*"code":"REQUEST_TIMEOUT"/s);
      assert.equal(await met(own, 'body-time'), 1);
    });

    it('end connections that send nothing, or half of a head, and no waiting client', async function () {
      this.timeout(60_000);
      const own = await start({ smallBodyMs: 500 });
      const token = await own.tokenOf(await own.addClient('acme'));
      const { body } = await upload(own.api, token, [schemaType(), csv(CONTENT)]);
      const waiting = ask(`${own.api}/upload/${body.uploadId}/status?wait=1`, { token });
      const ended = ['', 'GET / HTTP/1.1\r\nhost: x\r\nx-a: '].map(async (text) => {
        const socket = connect(own.server.port, '127.0.0.1');
        socket.on('error', () => undefined).on('data', () => undefined);
        const began = Date.now();
        socket.write(text);
        const drip = text && setInterval(() => socket.write('y'), 500);
        await once(socket, 'close');
        clearInterval(drip || undefined);
        return Date.now() - began;
      });
      assert.equal((await waiting).status, 200);
      // Twenty seconds for the headers, looked at every five.
      for (const ms of await Promise.all(ended)) assert.ok(ms > 19_000 && ms < 40_000, `${ms} ms`);
    });
  });

  describe('on uploads at a time', () => {
    it('leave places for others, and are free again when an upload ends, however it does', async () => {
      const own = await start({ uploads: 3, uploadsPerOrganization: 2 });
      const token = await own.tokenOf(await own.addClient('acme'));
      const other = await own.tokenOf(await own.addClient('globex'));
      const begin = async (as: string) => {
        const raw = new RawUpload(own.server.url, as);
        await raw.send(beginning([schemaType(), csv(CONTENT)]));
        return raw;
      };
      const open = [await begin(token), await begin(token)];
      await eventually(
        () => own.database.pool.query(`SELECT FROM piing.uploads WHERE status = 'RECEIVING'`),
        ({ rowCount }) => rowCount === 2,
      );
      const third = await upload(own.api, token, [schemaType(), csv(CONTENT)]);
      assertProblem(third, 429, 'TOO_MANY_UPLOADS');
      assert.match(third.headers.get('retry-after') ?? '', /^\d+$/);
      open.push(await begin(other));
      await eventually(
        () => own.database.pool.query(`SELECT FROM piing.uploads WHERE status = 'RECEIVING'`),
        ({ rowCount }) => rowCount === 3,
      );
      assertProblem(await upload(own.api, other, [schemaType(), csv(CONTENT)]), 503, 'SERVICE_UNAVAILABLE');
      open[0]?.socket.destroy();
      await open[1]?.send(CLOSING);
      await open[1]?.send('');
      await open[1]?.answer(/202/);
      open[1]?.socket.destroy();
      for (const as of [token, other]) {
        const answer = await eventually(
          () => upload(own.api, as, [schemaType(), csv(CONTENT)]),
          ({ status }) => status === 202,
        );
        assert.equal(answer.body.status, 'PENDING');
      }
      open[2]?.socket.destroy();
      assert.ok((await met(own, 'uploads-per-organization')) >= 1);
      assert.ok((await met(own, 'uploads')) >= 1);
    });
  });

  it('lose no place to a client that goes away while it is being authenticated', async () => {
    let slow = false;
    const own = await startApiFixture({
      change: ({ currentAccess }) => ({
        limits: defaultHttpLimits({ uploadsPerOrganization: 1, waitersPerOrganization: 1 }),
        // A database that cannot be made slow otherwise.
        currentAccess: async (client) => {
          if (slow) await pause(200);
          return currentAccess(client);
        },
      }),
    });
    fixture = own;
    const token = await own.tokenOf(await own.addClient('acme'));
    const { body } = await upload(own.api, token, [schemaType(), csv(CONTENT)]);
    const wait = (signal: AbortSignal) =>
      ask(`${own.api}/upload/${body.uploadId}/status?wait=1`, { token, signal });
    slow = true;
    const raw = new RawUpload(own.server.url, token);
    const leave = new AbortController();
    const waiting = wait(leave.signal).catch(() => undefined);
    await pause(100);
    raw.socket.destroy();
    leave.abort();
    await waiting;
    await pause(300);
    slow = false;
    assert.equal((await upload(own.api, token, [schemaType(), csv(CONTENT)])).status, 202);
    assert.equal((await wait(new AbortController().signal)).status, 200);
  });

  describe('on the pace of a body', () => {
    const SLOW = { stallMs: 600, minBytesPerSecond: 20_000 };

    it('end one that drips, in a field as in the file, with 408, and leave nothing', async () => {
      const own = await start(SLOW);
      const token = await own.tokenOf(await own.addClient('acme'));
      for (const parts of [[{ name: 'schemaType', content: 'org' }], [schemaType(), csv(CONTENT)]]) {
        const raw = new RawUpload(own.server.url, token);
        await raw.send(beginning(parts));
        const drip = setInterval(() => void raw.send('x'), 50);
        const answer = await raw.answer(/\r\n\r\n\{.*\}/s);
        clearInterval(drip);
        assert.match(answer, /^HTTP\/1\.1 408 /);
        assert.match(answer, /REQUEST_TIMEOUT/);
        raw.socket.destroy();
      }
      const { rows } = await own.database.pool.query(
        `SELECT status, code FROM piing.uploads u LEFT JOIN piing.upload_errors e ON e.upload_id = u.id`,
      );
      assert.deepEqual(rows, [{ status: 'ABANDONED', code: 'INCOMPLETE_FILE' }]);
      assert.equal(await met(own, 'body-pace'), 2);
    });

    it('wait for one that pauses and then goes on quickly', async () => {
      const own = await start(SLOW);
      const token = await own.tokenOf(await own.addClient('acme'));
      const raw = new RawUpload(own.server.url, token);
      await raw.send(beginning([schemaType(), csv(CONTENT)]));
      for (let count = 0; count < 4; count += 1) {
        await pause(350);
        await raw.send(`${'2,20.00\n'.repeat(4_000)}`);
      }
      await raw.send(CLOSING);
      await raw.send('');
      assert.match(await raw.answer(), /^HTTP\/1\.1 202 /);
      raw.socket.destroy();
    });

    it('do not hold a slow store against the client', async () => {
      const own = await startApiFixture({
        change: ({ intake }) => ({
          limits: defaultHttpLimits(SLOW),
          intake: {
            // A store that cannot be made slow otherwise: the first pieces take longer than a client may.
            begin: async (request) => {
              const incoming = await intake.begin(request);
              const write = incoming.write.bind(incoming);
              let slow = 3;
              incoming.write = async (...chunks) => {
                if (slow > 0) await pause(SLOW.stallMs * 1.5);
                slow -= 1;
                await write(...chunks);
              };
              return incoming;
            },
          },
        }),
      });
      fixture = own;
      const token = await own.tokenOf(await own.addClient('acme'));
      const answer = await upload(own.api, token, [schemaType(), csv(Buffer.alloc(3 * 1024 * 1024, 'a'))]);
      assert.equal(answer.status, 202);
    });
  });
});

describe('CORS', () => {
  const ORIGIN = 'https://app.example';
  const preflight = {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, idempotency-key',
    },
  };

  it('is off unless origins are set', async () => {
    const fixture = await startApiFixture();
    try {
      const answer = await ask(`${fixture.api}/uploads`, { headers: { origin: ORIGIN } });
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
      const refused = await ask(`${fixture.api}/upload`, preflight);
      assertProblem(refused, 405, 'METHOD_NOT_ALLOWED');
      assert.equal(refused.headers.get('access-control-allow-origin'), null);
    } finally {
      await fixture.close();
    }
  });

  it('lets scripts of the set origins send and read, without cookies, and nobody else', async () => {
    const fixture = await startApiFixture({ change: () => ({ allowedOrigins: [ORIGIN] }) });
    try {
      const allowed = await fetch(`${fixture.api}/upload`, preflight);
      assert.equal(allowed.status, 204);
      assert.equal(allowed.headers.get('access-control-allow-origin'), ORIGIN);
      assert.match(
        allowed.headers.get('access-control-allow-headers') ?? '',
        /authorization.*idempotency-key/,
      );
      assert.equal(allowed.headers.get('access-control-allow-credentials'), null);
      const token = await fixture.tokenOf(await fixture.addClient('acme'));
      const read = await ask(`${fixture.api}/uploads`, { token, headers: { origin: ORIGIN } });
      assert.equal(read.headers.get('access-control-allow-origin'), ORIGIN);
      assert.match(read.headers.get('access-control-expose-headers') ?? '', /ratelimit/);
      const other = await ask(`${fixture.api}/uploads`, {
        token,
        headers: { origin: 'https://evil.example' },
      });
      assert.equal(other.headers.get('access-control-allow-origin'), null);
      assertProblem(await ask(`${fixture.api}/nothing`), 404, 'NOT_FOUND');
    } finally {
      await fixture.close();
    }
  });

  it('takes origins only', () => {
    const read = (value: string) =>
      readSettings({ PIING_HTTP_ALLOWED_ORIGINS: value }).PIING_HTTP_ALLOWED_ORIGINS;
    assert.deepEqual(read('https://a.example, http://localhost:3000'), [
      'https://a.example',
      'http://localhost:3000',
    ]);
    for (const bad of ['*', 'https://a.example/', 'a.example', 'null'])
      assert.throws(() => read(bad), SettingsError, bad);
  });
});
