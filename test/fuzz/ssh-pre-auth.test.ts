import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { text, uint32 } from '../support/raw-sftp.ts';
import { kexInit, plainPacket } from '../support/raw-ssh.ts';
import type { Tenant } from '../support/tenants.ts';
import { corpusOf, damaged, keep, search } from './corpus.ts';

const TARGET = 'ssh';
/** What has not logged in by then is cut off. */
const LOGIN_MS = 1_000;

const banner = fc
  .oneof(
    fc.constantFrom(
      'SSH-2.0-fuzz',
      'SSH-1.99-x',
      'SSH-2.0-libssh2_1.4.3',
      'SSH-2.0-OpenSSH_9.9 c',
      'SSH-2.0-',
    ),
    fc.string({ unit: 'binary', maxLength: 300 }),
  )
  .map((line) => Buffer.from(`${line}\r\n`));
const kexNames = fc.constantFrom(
  'mlkem768x25519-sha256',
  'curve25519-sha256',
  'ecdh-sha2-nistp256',
  'diffie-hellman-group14-sha256',
  'kex-strict-c-v00@openssh.com',
  'ext-info-c',
  'none',
  '',
);
const payload = fc.oneof(
  fc
    .tuple(fc.array(kexNames, { maxLength: 4 }), fc.boolean())
    .map(([names, guessFollows]) => kexInit({ kex: names.join(','), guessFollows })),
  // A message by its number, with fields as SSH writes them.
  fc
    .tuple(
      fc.oneof(fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 50, 60, 80, 90, 94, 192), fc.nat(255)),
      fc.array(fc.uint8Array({ maxLength: 1_300 }), { maxLength: 4 }),
    )
    .map(([type, fields]) =>
      Buffer.concat([Buffer.from([type]), ...fields.map((field) => text(Buffer.from(field)))]),
    ),
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
);
const packet = fc.oneof(
  { weight: 6, arbitrary: payload.map(plainPacket) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(0xffffffff), fc.uint8Array({ maxLength: 50 }))
      .map(([length, rest]) => Buffer.concat([uint32(length), rest])),
  },
);
const session = fc
  .tuple(banner, fc.array(packet, { maxLength: 6 }))
  .map(([line, packets]) => Buffer.concat([line, ...packets]));

describe('Fuzzed bytes before a login', function () {
  this.timeout(600_000);
  let gateway: TestGateway;
  let tenant: Tenant;

  before(async () => {
    gateway = await startTestGateway({
      withWorker: false,
      limits: {
        loginMs: LOGIN_MS,
        unauthenticated: 10_000,
        connections: 10_000,
        connectionsPerAddress: 10_000,
        unauthenticatedPerAddress: 10_000,
      },
    });
    tenant = await gateway.tenant();
  });
  after(() => gateway.close());

  /** Says it in two pieces and hangs up, or waits to be hung up on. */
  async function say(bytes: Buffer, waits: boolean): Promise<void> {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined).on('data', () => undefined);
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    const half = bytes.length >> 1;
    socket.write(bytes.subarray(0, half));
    await new Promise((resolve) => setImmediate(resolve));
    if (waits) socket.write(bytes.subarray(half));
    else socket.end(bytes.subarray(half));
    await closed;
  }

  async function check(bytes: Buffer): Promise<void> {
    // What nobody catches ends the process, and this one with it: the input is kept before that.
    const monitor = () => keep(TARGET, bytes);
    process.once('uncaughtExceptionMonitor', monitor);
    const started = performance.now();
    await say(bytes, false);
    assert.ok(performance.now() - started < LOGIN_MS * 10, 'the connection was forgotten');
    process.removeListener('uncaughtExceptionMonitor', monitor);
  }

  async function serves(): Promise<void> {
    const sftp = await gateway.connect(tenant);
    assert.deepEqual(
      (await sftp.list('/')).map(({ name }) => name),
      ['orgTransactions'],
    );
    await sftp.quit();
  }

  for (const { name, bytes } of corpusOf(TARGET))
    it(`end their connection and nothing else: ${name}`, async () => {
      await Promise.all([check(bytes), say(bytes, true)]);
      await serves();
    });

  it('serves on, whatever comes before the login', async () => {
    await search(TARGET, damaged(session), check);
    await serves();
    await until(async () => {
      const { values } = await gateway.metrics.sftpSessions.get();
      return values[0]?.value === 0 ? true : undefined;
    });
  });
});
