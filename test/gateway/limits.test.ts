import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  defaultSftpLimits,
  type LimitName,
  type SftpLimits,
  sftpLimitSettings,
} from '../../src/gateway/limits.ts';
import { ssh2 } from '../../src/gateway/ssh2/index.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { RecordingLogger } from '../support/logger.ts';
import { type RawSftp, type Reply, text, uint32 } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';

describe('Every limit of the SFTP gateway', () => {
  it('is a setting with a default and its reason', () => {
    for (const [name, setting] of Object.entries(sftpLimitSettings)) {
      assert.match(name, /^PIING_SFTP_[A-Z_]+$/);
      assert.ok((setting.description ?? '').length > 20, `${name} has a reason`);
      assert.equal(typeof setting.parse(undefined), 'number', `${name} has a default`);
    }
    assert.equal(Object.keys(sftpLimitSettings).length, Object.keys(defaultSftpLimits()).length);
    assert.equal(defaultSftpLimits().loginMs, 20_000);
  });
});

describe('A limit that is met', function () {
  this.timeout(30_000);
  let gateway: TestGateway | undefined;
  let logger: RecordingLogger;
  let tenant: Tenant;
  let sftp: RawSftp;

  async function withLimits(limits: Partial<SftpLimits>): Promise<void> {
    logger = new RecordingLogger();
    gateway = await startTestGateway({ limits, logger: logger.logger, withWorker: false });
    tenant = await gateway.tenant();
    sftp = await gateway.connect(tenant);
  }
  afterEach(async () => {
    await gateway?.close();
    gateway = undefined;
  });

  const port = () => gateway?.port ?? 0;

  /** Each is counted, and has a line that names it. */
  async function assertMet(limit: LimitName): Promise<void> {
    await until(
      async () => logger.find((line) => line.limit === limit && line.msg === 'SFTP limit met'),
      10_000,
    );
    const { values } = (await gateway?.metrics.sftpLimits.get()) ?? { values: [] };
    assert.ok((values.find(({ labels }) => labels.limit === limit)?.value ?? 0) >= 1, `${limit} is counted`);
  }

  const refusal = (reply: Reply): string => {
    assert.ok(reply.type === 'status' && reply.code !== 0, JSON.stringify(reply));
    return reply.message;
  };

  it('turns connections away with a line before SSH', async () => {
    await withLimits({ connections: 2 });
    await gateway?.connect(tenant);
    assert.match(await firstWords(port()), /^Too many connections\. Try again later\.\r\n/);
    await assertMet('connections');
    assert.equal((await sftp.list('/')).length, 1, 'those that are there go on');
  });

  it('turns strangers away who do not log in', async () => {
    await withLimits({ unauthenticated: 2 });
    const strangers = [await opened(port()), await opened(port())];
    assert.match(await firstWords(port()), /^Too many connections/);
    await assertMet('unauthenticated');
    for (const socket of strangers) socket.destroy();
    await until(async () => ((await firstWords(port())).startsWith('SSH-') ? true : undefined));
  });

  it('turns an address away', async () => {
    await withLimits({ connectionsPerAddress: 1 });
    assert.match(await firstWords(port()), /^Too many connections/);
    await assertMet('connections-per-address');
  });

  it('turns an address away that only connects, before it has taken every place, and lets others in', async () => {
    await withLimits({ unauthenticatedPerAddress: 2, unauthenticated: 4 });
    const strangers = [await opened(port()), await opened(port())];
    assert.match(await firstWords(port()), /^Too many connections/);
    await assertMet('unauthenticated-per-address');
    // Another address of this machine, while the strangers are still there.
    const other = connect({ port: port(), host: '127.0.0.1', localAddress: '127.0.0.2' });
    const [greeting] = (await once(other, 'data')) as [Buffer];
    assert.match(greeting.toString(), /^SSH-2\.0-/);
    other.destroy();
    for (const stranger of strangers) stranger.destroy();
    await until(async () => ((await firstWords(port())).startsWith('SSH-2.0-') ? true : undefined));
  });

  it('does not count those who have logged in as strangers', async () => {
    await withLimits({ unauthenticatedPerAddress: 1 });
    const second = await until(async () => gateway?.connect(tenant).catch(() => undefined));
    assert.equal(await second.quit(), 0);
    assert.equal(await sftp.quit(), 0);
  });

  it('ends the session that is too many for its organization, and no other organization’s', async () => {
    await withLimits({ sessionsPerOrganization: 1 });
    await assert.rejects(gateway?.connect(tenant) ?? Promise.resolve());
    await assertMet('sessions-per-organization');
    await gateway?.connect((await gateway?.tenant()) as Tenant);
    await sftp.quit();
    await until(async () => gateway?.connect(tenant).catch(() => undefined));
  });

  it('refuses channels', async () => {
    await withLimits({ channels: 2 });
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    client.connect({
      host: '127.0.0.1',
      port: port(),
      username: tenant.clientId,
      password: tenant.clientSecret,
    });
    await once(client, 'ready');
    const open = () =>
      new Promise<Error | undefined>((resolve) => client.subsys('sftp', (error) => resolve(error)));
    assert.deepEqual([await open(), await open()], [undefined, undefined]);
    assert.match(String(await open()), /Channel open failure/);
    await assertMet('channels');
    client.end();
  });

  it('refuses open files and handles, until one is closed', async () => {
    await withLimits({ openFiles: 2, handles: 4 });
    const first = await sftp.openHandle('/orgTransactions/1.csv');
    await sftp.openHandle('/orgTransactions/2.csv');
    assert.match(refusal(await sftp.open('/orgTransactions/3.csv')), /2 files are open.*TOO_MANY_HANDLES/);
    await assertMet('open-files');
    const listing = () => sftp.request(11, Buffer.from([0, 0, 0, 1, 0x2f]));
    await listing();
    await listing();
    assert.match(refusal(await listing()), /4 files and folders are open/);
    await assertMet('handles');
    await sftp.close(first);
    assert.equal((await sftp.open('/orgTransactions/3.csv')).type, 'handle');
  });

  it('refuses files under temporary names that nobody renames', async () => {
    await withLimits({ stagedFiles: 1 });
    const handle = await sftp.openHandle('/orgTransactions/a.csv.part');
    await sftp.write(handle, 0, transactionsCsv(1));
    await sftp.close(handle);
    assert.match(refusal(await sftp.open('/orgTransactions/b.csv.part')), /Rename or remove/);
    await assertMet('staged-files');
    await sftp.rename('/orgTransactions/a.csv.part', '/orgTransactions/a.csv');
    assert.equal((await sftp.open('/orgTransactions/b.csv.part')).type, 'handle');
  });

  it('refuses long names and counts it, and other bad names by their code', async () => {
    await withLimits({ nameBytes: 20 });
    assert.match(refusal(await sftp.open(`/orgTransactions/${'n'.repeat(17)}.csv`)), /longer than 20 bytes/);
    await assertMet('name-length');
    assert.match(refusal(await sftp.open('/orgTransactions/x.xlsx')), /BAD_FILE_NAME/);
    const { values } = (await gateway?.metrics.sftpRefusals.get()) ?? { values: [] };
    assert.equal(values.find(({ labels }) => labels.code === 'BAD_FILE_NAME')?.value, 2);
    assert.ok(logger.find((line) => line.code === 'BAD_FILE_NAME' && line.msg === 'SFTP request refused'));
  });

  it('refuses bytes far ahead of a missing piece', async () => {
    await withLimits({ aheadBytes: 1_000 });
    const handle = await sftp.openHandle('/orgTransactions/x.csv');
    assert.match(
      refusal(await sftp.write(handle, 10, Buffer.alloc(2_000, 'x'))),
      /ahead of a missing piece at byte 0/,
    );
    await assertMet('ahead-bytes');
  });

  it('ends connections that do not log in, said and unsaid', async () => {
    await withLimits({ loginMs: 300 });
    const silent = await opened(port());
    const slow = await opened(port());
    slow.write('SSH-2.0-slow\r\n');
    await Promise.all([once(silent, 'close'), once(slow, 'close')]);
    await assertMet('login-time');
    assert.equal((await sftp.list('/')).length, 1);
  });

  it('ends idle sessions with a sentence', async () => {
    await withLimits({ idleMs: 500 });
    await sftp.closed;
    await assertMet('idle');
  });

  it('ends a client that does not read the replies to its requests', async () => {
    await withLimits({ unreadMs: 500 });
    sftp.channel.pause();
    const requests = Buffer.concat(Array.from({ length: 1_000 }, (_, id) => statRequest(id)));
    for (let round = 0; round < 100; round += 1) sftp.sendRaw(requests);
    await sftp.closed;
    await assertMet('unread-replies');
  });

  it('ends sessions whose file gets no byte any more, and abandons it', async () => {
    await withLimits({ stallMs: 500, idleMs: 60_000 });
    await sftp.openHandle('/orgTransactions/x.csv');
    await sftp.closed;
    await assertMet('stalled');
    await assertAbandoned(/No byte came/);
  });

  it('ends a file that takes too long, and not the session', async () => {
    await withLimits({ uploadMs: 500 });
    const handle = await sftp.openHandle('/orgTransactions/x.csv');
    let at = 0;
    const reply = await until(async () => {
      const answer = await sftp.write(handle, at, transactionsCsv(1));
      at += transactionsCsv(1).length;
      return answer.type === 'status' && answer.code !== 0 ? answer : undefined;
    });
    assert.match(refusal(reply), /took too long/);
    await assertMet('upload-time');
    await assertAbandoned(/took too long/);
    assert.equal((await sftp.list('/')).length, 1);
  });

  it('ends a client that exchanges keys without end', async () => {
    await withLimits({});
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    client.connect({
      host: '127.0.0.1',
      port: port(),
      username: tenant.clientId,
      password: tenant.clientSecret,
    });
    await once(client, 'ready');
    const ended = new Promise<void>((resolve) => client.once('close', () => resolve()));
    // ssh2's client has no method for it.
    const { _protocol: protocol } = client as unknown as { readonly _protocol: { rekey(): void } };
    let exchanges = 0;
    client.on('handshake', () => {
      exchanges += 1;
      if (exchanges < 200) setImmediate(() => protocol.rekey());
    });
    protocol.rekey();
    await ended;
    assert.ok(exchanges >= 20 && exchanges < 100, `${exchanges} key exchanges`);
    await assertMet('rekeys');
  });

  async function assertAbandoned(message: RegExp): Promise<void> {
    const upload = await until(async () =>
      (await gateway?.uploads(tenant))?.find(({ status }) => status === 'ABANDONED'),
    );
    assert.match(upload.errors[0]?.message ?? '', message);
  }
});

function statRequest(id: number): Buffer {
  const body = Buffer.concat([Buffer.from([17]), uint32(id), text('/orgTransactions')]);
  return Buffer.concat([uint32(body.length), body]);
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).on('data', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** What the server says before the client has said anything. */
async function firstWords(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const [words] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return words.toString();
}
