import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { ssh2 } from '../../src/gateway/ssh2/index.ts';
import { RawSftp, text, uint32 } from '../support/raw-sftp.ts';
import { plainPacket } from '../support/raw-ssh.ts';

/** Where to attack, and as whom: attackers from within have a credential. */
export interface Target {
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** Resolves when the attacker has done what it can; `unreached` sockets have been closed by the server or by it. */
type Attack = (target: Target) => Promise<void>;

const MIB = 1024 * 1024;

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).on('data', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Until the server closes; a peer that it forgets fails the test by its time limit. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, 'close').catch(() => undefined);
}

/** Says this and waits for the server to hang up. */
async function say(port: number, ...words: readonly (Buffer | string)[]): Promise<void> {
  const socket = await open(port);
  for (const word of words) {
    if (!socket.destroyed) socket.write(word);
    await sleep(5);
  }
  await closed(socket);
}

async function login({ port, username, password }: Target): Promise<Client> {
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  client.connect({ host: '127.0.0.1', port, username, password });
  await once(client, 'ready');
  return client;
}

const sftp = (target: Target) => RawSftp.connect({ host: '127.0.0.1', ...target });

const packet = (type: number, id: number, ...fields: Buffer[]) => {
  const body = Buffer.concat([Buffer.from([type]), uint32(id), ...fields]);
  return Buffer.concat([uint32(body.length), body]);
};

/** Writes as fast as the connection takes it, or gives up when the server has paused it for a second. */
async function pour(client: RawSftp, chunk: Buffer, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    if (client.channel.destroyed) return;
    if (client.channel.write(chunk)) continue;
    const listening = new AbortController();
    const { signal } = listening;
    const drained = await Promise.race([
      once(client.channel, 'drain', { signal }).then(() => true),
      once(client.channel, 'close', { signal }).then(() => false),
      sleep(1_000, false, { signal }),
    ]).catch(() => false);
    listening.abort();
    if (!drained) return;
  }
}

const IDENT = 'SSH-2.0-attacker\r\n';

const KEXINIT = (lists: string) =>
  plainPacket(
    Buffer.concat([
      Buffer.from([20]),
      randomBytes(16),
      ...Array.from({ length: 10 }, () => text(lists)),
      Buffer.alloc(5),
    ]),
  );

export const ATTACKS_FROM_OUTSIDE: Readonly<Record<string, Attack>> = {
  // More than there are places for strangers: without a limit for each address nobody else would get one.
  'slowloris: 400 connections, a byte now and then': async ({ port }) => {
    const sockets = await Promise.all(Array.from({ length: 400 }, () => open(port)));
    const timer = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('S');
    }, 200);
    await Promise.all(sockets.map(closed));
    clearInterval(timer);
  },
  'garbage instead of a banner': async ({ port }) => {
    await Promise.all([
      say(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      say(port, Buffer.from('16030100a5010000a10303', 'hex')),
      say(port, 'x'.repeat(MIB)),
      say(port, Buffer.alloc(70_000)),
      say(port, 'SSH-1.5-old\r\n'),
      say(port, 'SSH-2.0-\r\n', '\r\n\r\n\r\n'),
      ...Array.from({ length: 20 }, () => say(port, randomBytes(4_096))),
    ]);
  },
  'garbage behind the banner': async ({ port }) => {
    await Promise.all([
      say(port, IDENT, uint32(0xffffffff)),
      say(port, IDENT, uint32(0), uint32(0)),
      say(port, IDENT, uint32(35_001), Buffer.alloc(35_001)),
      say(port, IDENT, plainPacket(Buffer.from([20]))),
      say(port, IDENT, plainPacket(Buffer.from([94]))),
      say(port, IDENT, plainPacket(Buffer.from([50])), plainPacket(Buffer.from([1]))),
      say(port, IDENT, KEXINIT('none')),
      say(port, IDENT, KEXINIT('a,'.repeat(1_500))),
      ...Array.from({ length: 20 }, () => say(port, IDENT, randomBytes(4_096))),
    ]);
  },
  '1,000 connections that close at once': async ({ port }) => {
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 100 }, async () => (await open(port)).destroy()));
  },
  'a thousand logins begun and left': async ({ port }) => {
    for (let round = 0; round < 10; round += 1) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => open(port)));
      for (const socket of sockets) socket.write(IDENT);
      await sleep(50);
      for (const socket of sockets) socket.destroy();
    }
  },
};

export const ATTACKS_FROM_WITHIN: Readonly<Record<string, Attack>> = {
  'a million OPENs': async (target) => {
    const client = await sftp(target);
    client.channel.resume();
    const opens = (round: number) =>
      Buffer.concat(
        Array.from({ length: 1_000 }, (_, index) =>
          packet(3, index, text(`/orgTransactions/${round}-${index}.csv`), uint32(0x1a), uint32(0)),
        ),
      );
    for (let round = 0; round < 1_000; round += 1) await pour(client, opens(round), 1);
    client.drop();
  },
  'endless REALPATH whose answers nobody reads': async (target) => {
    const client = await sftp(target);
    client.channel.pause();
    await pour(client, packet(16, 1, text(`/${'x'.repeat(4_000)}`)), 20_000);
    client.drop();
  },
  'packets of 256 KiB and above': async (target) => {
    const whole = await sftp(target);
    const handle = await whole.openHandle('/orgTransactions/large.csv');
    await Promise.all(
      Array.from({ length: 100 }, () => whole.write(handle, 0, Buffer.alloc(255 * 1024, 'x'))),
    );
    whole.drop();
    for (const length of [0, 256 * 1024 + 1, 0x7fffffff, 0xffffffff]) {
      const client = await sftp(target);
      client.sendRaw(Buffer.concat([uint32(length), Buffer.alloc(1_000)]));
      await client.closed;
      client.drop();
    }
  },
  'pieces of one byte, and packets that come byte by byte': async (target) => {
    const client = await sftp(target);
    const handle = await client.openHandle('/orgTransactions/pieces.csv');
    // Every second byte, so that none can be used.
    const pieces = (round: number) =>
      Buffer.concat(
        Array.from({ length: 1_000 }, (_, index) => {
          const offset = Buffer.alloc(8);
          offset.writeBigUInt64BE(BigInt(2 * (round * 1_000 + index) + 1));
          return packet(6, index, text(handle), offset, text('x'));
        }),
      );
    for (let round = 0; round < 100; round += 1) await pour(client, pieces(round), 1);
    client.sendRaw(uint32(200_000));
    for (let count = 0; count < 20_000; count += 1) client.sendRaw(Buffer.alloc(1));
    await sleep(500);
    client.drop();
  },
  'names in Latin-1, endless, with every control character': async (target) => {
    const client = await sftp(target);
    for (const name of [
      Buffer.from('caf\xe9.csv', 'latin1'),
      Buffer.from('caf\xe8.csv', 'latin1'),
      Buffer.alloc(100_000, 'x'),
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      Buffer.from('..\\..\\x.csv'),
      Buffer.from('\u202egnp.csv'),
    ]) {
      const reply = await client.open(Buffer.concat([Buffer.from('/orgTransactions/'), name]));
      if (reply.type !== 'status' || reply.code === 0)
        throw new Error(`${name.subarray(0, 20)} was accepted`);
    }
    client.drop();
  },
  'a thousand channels, each left open': async (target) => {
    const client = await login(target);
    for (let count = 0; count < 1_000; count += 1) client.subsys('sftp', () => undefined);
    await sleep(1_000);
    client.destroy();
  },
  'programs, shells, terminals, forwarding and global requests': async (target) => {
    const client = await login(target);
    for (let count = 0; count < 200; count += 1) {
      client.exec(`cat /etc/passwd ${'x'.repeat(1_000)}`, () => undefined);
      client.shell(() => undefined);
      client.forwardIn('127.0.0.1', 0, () => undefined);
      client.forwardOut('127.0.0.1', 1, '127.0.0.1', 5432, () => undefined);
    }
    const { _protocol: protocol } = client as unknown as { readonly _protocol: { ping(): void } };
    for (let count = 0; count < 20_000; count += 1) protocol.ping();
    await sleep(1_000);
    client.destroy();
  },
  '20,000 random packets': async (target) => {
    for (let round = 0; round < 20; round += 1) {
      const client = await sftp(target);
      for (let count = 0; count < 1_000 && client.channel.writable; count += 1) {
        const body = randomBytes(1 + Math.floor(Math.random() * 64));
        body[0] = 1 + (count % 22);
        client.sendRaw(Buffer.concat([uint32(body.length), body]));
      }
      await sleep(100);
      client.drop();
    }
  },
  '50 sessions that each send 20 MiB and stop in the middle': async (target) => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => sftp(target)));
    await Promise.all(
      clients.map(async (client, index) => {
        const handle = await client.openHandle(`/orgTransactions/half-${index}.csv`);
        client.sendRaw(
          Buffer.concat([uint32(20 * MIB), Buffer.alloc(9), text(handle), Buffer.alloc(8), uint32(19 * MIB)]),
        );
        await pour(client, Buffer.alloc(MIB, 'x'), 20);
      }),
    );
    for (const client of clients) client.drop();
  },
};
