import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { DeliveryError, type DeliveryFault } from '../../src/webhooks/delivery-error.ts';
import { type PostAnswer, post } from '../../src/webhooks/post.ts';
import type { Target } from '../../src/webhooks/target.ts';
import { run } from '../support/run.ts';
import { answer, type Certificate, type Receiver, selfSigned, startReceiver } from './receiver.ts';

const NAME = 'hooks.example.com';

describe('A webhook request', () => {
  let receiver: Receiver;
  let secure: Receiver;
  let certificate: Certificate;
  const servers: Server[] = [];
  const sockets: Socket[] = [];

  before(async () => {
    certificate = await selfSigned(NAME);
    receiver = await startReceiver();
    secure = await startReceiver({ certificate });
  });
  after(async () => {
    await receiver.close();
    await secure.close();
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  });

  /** A target as the check leaves it: the name, and addresses of this machine. */
  const target = (text: string, port: number, addresses = ['127.0.0.1']): Target => {
    const url = new URL(text);
    return { url, hostname: url.hostname, port, addresses };
  };
  const plain = (port = receiver.port) => target(`http://${NAME}:${port}/hook?a=b`, port);
  const send = (to: Target, { timeoutMs = 2_000, connectTimeoutMs = 1_000, ca = certificate.cert } = {}) =>
    post(
      to,
      { headers: { 'content-type': 'application/json', 'content-length': '2' }, body: '{}' },
      { connectTimeoutMs, ca },
      AbortSignal.timeout(timeoutMs),
    );
  const fails = (code: DeliveryFault, sending: Promise<PostAnswer>) =>
    assert.rejects(sending, (error: unknown) => {
      assert.ok(error instanceof DeliveryError, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });

  /** A server without any protocol. */
  async function rawServer(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }
  const answering = (bytes: string) => rawServer((socket) => socket.once('data', () => socket.write(bytes)));

  it('goes to the checked address under the name of the URL, and looks up nothing', async () => {
    // The name has no such address anywhere: only the pinned one can have been used.
    assert.equal((await send(plain())).status, 204);
    const [request] = receiver.received.splice(0);
    assert.equal(request?.headers.host, `${NAME}:${receiver.port}`);
    assert.equal(request?.path, '/hook?a=b');
    assert.equal(request?.body, '{}');
  });

  it('speaks TLS for that name, and trusts the usual certificates only', async () => {
    const to = target(`https://${NAME}:${secure.port}/`, secure.port);
    assert.equal((await send(to)).status, 204);
    await fails('TLS_FAILED', send(to, { ca: (await selfSigned(NAME)).cert }));
    await fails('TLS_FAILED', send(target(`https://other.example.com:${secure.port}/`, secure.port)));
    await fails('TLS_FAILED', send(target(`https://${NAME}:${receiver.port}/`, receiver.port)));
  });

  it('tries the next of several addresses', async () => {
    const to = target(`http://${NAME}:${receiver.port}/`, receiver.port, ['::1', '127.0.0.1']);
    assert.equal((await send(to)).status, 204);
  });

  it('follows no redirect', async () => {
    receiver.respond = answer(302, { location: `http://127.0.0.1:${secure.port}/` });
    receiver.received.length = 0;
    secure.received.length = 0;
    assert.equal((await send(plain())).status, 302);
    assert.deepEqual([receiver.received.length, secure.received.length], [1, 0]);
  });

  it('tells how long the receiver wants to be left alone', async () => {
    receiver.respond = answer(503, { 'retry-after': '120' });
    assert.deepEqual(await send(plain()), { status: 503, retryAfterSeconds: 120 });
    receiver.respond = answer(503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' });
    assert.equal((await send(plain())).retryAfterSeconds, undefined);
  });

  it('takes the answer without its body: one that is slow, endless or cut off changes nothing', async () => {
    receiver.respond = (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    };
    const began = performance.now();
    assert.equal((await send(plain())).status, 200);
    assert.ok(performance.now() - began < 3_000);
    let sent = 0;
    let closed: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const flood = await rawServer((socket) => {
      socket.once('close', () => closed?.());
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
        };
        socket.on('drain', more);
        more();
      });
    });
    assert.equal((await send(plain(flood))).status, 200);
    await ended;
    assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were taken`);
    assert.equal(
      (await send(plain(await answering('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')))).status,
      200,
    );
  });

  it('ends in time when nobody answers, and when the connection never gets ready', async () => {
    const began = performance.now();
    const silent = await rawServer(() => undefined);
    await fails('TIMEOUT', send(plain(silent), { timeoutMs: 200 }));
    // TCP connects and the TLS handshake hangs.
    await fails('TIMEOUT', send(target(`https://${NAME}:${silent}/`, silent), { connectTimeoutMs: 200 }));
    const trickle = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    await fails('TIMEOUT', send(plain(trickle), { timeoutMs: 300 }));
    assert.ok(performance.now() - began < 2_000);
  });

  it('tells no connection, a lost one and nonsense apart', async () => {
    const gone = await startReceiver();
    await gone.close();
    await fails('CONNECT_FAILED', send(plain(gone.port)));
    await fails(
      'CONNECTION_LOST',
      send(plain(await rawServer((socket) => socket.once('data', () => socket.destroy())))),
    );
    await fails(
      'CONNECTION_LOST',
      send(plain(await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy())))),
    );
    await fails('BAD_RESPONSE', send(plain(await answering('SSH-2.0-OpenSSH_9.9\r\n'))));
    await fails(
      'BAD_RESPONSE',
      send(plain(await answering(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`))),
    );
    const upgrading = await answering(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    );
    await fails('CONNECTION_LOST', send(plain(upgrading)));
  });

  it('goes past the proxies of the environment, which would look the name up again', async () => {
    let proxied = 0;
    const proxy = await rawServer((socket) => {
      proxied += 1;
      socket.destroy();
    });
    receiver.respond = answer(204);
    const to = `{ url: new URL('http://${NAME}:${receiver.port}/'), hostname: '${NAME}', port: ${receiver.port}, addresses: ['127.0.0.1'] }`;
    const script = `import { post } from './src/webhooks/post.ts';
      const message = { headers: { 'content-length': '2' }, body: '{}' };
      console.log((await post(${to}, message, { connectTimeoutMs: 1000 }, AbortSignal.timeout(2000))).status);
      await fetch('http://${NAME}/').catch(() => undefined);`;
    const proxies = Object.fromEntries(
      ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].map((name) => [
        name,
        `http://127.0.0.1:${proxy}`,
      ]),
    );
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...proxies, NODE_USE_ENV_PROXY: '1', NO_PROXY: '', no_proxy: '' },
    });
    assert.equal(stdout, '204\n', stderr);
    assert.ok(proxied > 0, 'the proxies were there to be used, as fetch did');
  });
});
