import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startGateway } from '../../../src/gateway/gateway.ts';
import { keepHostKeys } from '../../../src/gateway/host-keys.ts';
import { defaultSftpLimits } from '../../../src/gateway/limits.ts';
import type { Intake } from '../../../src/intake/intake.ts';
import type { ClientId, OrganizationId } from '../../../src/support/ids.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Access } from '../../../src/tenancy/access.ts';
import { silentLogger } from '../../support/logger.ts';
import { RawSftp } from '../../support/raw-sftp.ts';
import { plainPacket } from '../../support/raw-ssh.ts';
import { temporaryDirectory } from '../../support/servers.ts';
import type { Target } from '../guided/target.ts';
import { encryptedConnection, sendEncrypted } from './ssh-encrypted.ts';
import { LIST_MARK, SEALED_MARK, seeds, TOKENS } from './ssh-seeds.ts';

const USERNAME = 'piing_fuzz';
const PASSWORD = 'secret-of-the-test';
/** What has not logged in by then is cut off. */
const LOGIN_MS = 2_000;
const MANY = 10_000;

const ACCESS: Access = {
  organizationId: 'fuzz' as OrganizationId,
  clientId: USERNAME as ClientId,
  credentialName: 'fuzz',
  maxFileBytes: null,
  schemaTypes: new Map(),
};

/** Whatever comes before a login ends its own connection and nothing else, and the gateway says nothing but SSH. */
export async function openSsh(): Promise<Target> {
  const metrics = createMetrics();
  const hostKeys = await keepHostKeys(await temporaryDirectory('fuzz-host-keys'));
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    hostKeys,
    algorithms: 'modern',
    limits: defaultSftpLimits({
      loginMs: LOGIN_MS,
      unauthenticated: MANY,
      connections: MANY,
      connectionsPerAddress: MANY,
      unauthenticatedPerAddress: MANY,
    }),
    proxyRanges: [],
    authenticate: async ({ clientId, clientSecret }) =>
      clientId === USERNAME && clientSecret === PASSWORD
        ? { allowed: true, access: ACCESS }
        : { allowed: false, reason: 'unknown-client' },
    currentAccess: async () => ({ allowed: true, access: ACCESS }),
    changes: { subscribe: () => () => undefined, close: async () => undefined },
    // Nobody who has not logged in comes so far.
    intake: {} as Intake,
    statuses: async () => new Map(),
    logger: silentLogger,
    metrics,
  });
  const { port } = gateway;
  return {
    seeds: seeds(),
    tokens: TOKENS,
    maxBytes: 3_000,
    check: async (input) => {
      if (input[0] === SEALED_MARK) {
        const { connection, socket } = await encryptedConnection(port);
        for (const payload of payloadsOf(input)) sendEncrypted(connection, payload);
        await hangUp(socket);
      } else await talkPlainly(port, input[0] === LIST_MARK ? listed(input) : input);
    },
    settle: async () => {
      const sftp = await RawSftp.connect({
        host: '127.0.0.1',
        port,
        username: USERNAME,
        password: PASSWORD,
      });
      assert.deepEqual(await sftp.list('/'), []);
      await sftp.quit();
      while ((await metrics.sftpSessions.get()).values[0]?.value !== 0)
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
    close: () => gateway.close(0),
  };
}

/** Packets, each a length of two bytes and as much as is there of it. */
function payloadsOf(input: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 1; at + 2 < input.length; ) {
    const payload = input.subarray(at + 2, at + 2 + input.readUInt16BE(at));
    if (payload.length > 0) payloads.push(payload);
    at += 2 + Math.max(payload.length, 1);
  }
  return payloads;
}

/** The first of the list is the client's line, the others are packets as they are before keys are exchanged. */
function listed(input: Buffer): Buffer {
  const [line = Buffer.alloc(0), ...payloads] = payloadsOf(input);
  return Buffer.concat([line, ...payloads.map(plainPacket)]);
}

/** Says it in two pieces and hangs up. */
async function talkPlainly(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket
    .on('error', () => undefined)
    .on('data', (data) => {
      heard += data.toString('latin1', 0, 20);
    });
  await once(socket, 'connect');
  const half = bytes.length >> 1;
  socket.write(bytes.subarray(0, half));
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(bytes.subarray(half));
  await hangUp(socket);
  assert.ok(heard === '' || heard.startsWith('SSH-2.0-PiingGateway'), heard);
}

/** A connection that is hung up on is forgotten at once; one that is not would stay until the time for logins is over. */
async function hangUp(socket: Socket): Promise<void> {
  const began = performance.now();
  if (!socket.closed) {
    const closed = once(socket, 'close');
    socket.end();
    await closed;
  }
  assert.ok(performance.now() - began < LOGIN_MS * 10, 'the connection was forgotten');
}
