import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ProxyHeaderError, parseProxyHeader } from '../../src/gateway/listen/proxy-protocol.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { RecordingLogger } from '../support/logger.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const FAMILY = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21, unix: 0x31 } as const;

function v2(command: number, family: number, body: Buffer): Buffer {
  const fixed = Buffer.from([0x20 | command, family, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

const PORTS = Buffer.from([0xc0, 0x00, 0x08, 0xae]);
const tcp4 = (source: string, tlvs = Buffer.alloc(0)) =>
  v2(
    1,
    FAMILY.tcp4,
    Buffer.concat([Buffer.from(source.split('.').map(Number)), Buffer.from([10, 0, 0, 9]), PORTS, tlvs]),
  );
/** As AWS sends it: type 0xEA, subtype 1, the VPC endpoint's id. */
const AWS_TLV = Buffer.concat([Buffer.from([0xea, 0, 23, 1]), Buffer.from('vpce-08d2bf15fac5001c9')]);
const LOCAL = v2(0, FAMILY.unspecified, Buffer.alloc(0));

describe('The PROXY header', () => {
  const addressOf = (header: Buffer | string) => {
    const bytes = Buffer.concat([Buffer.from(header as string), Buffer.from('SSH-2.0-x\r\n')]);
    const parsed = parseProxyHeader(bytes);
    assert.equal(bytes.subarray(parsed?.length).toString(), 'SSH-2.0-x\r\n', 'what follows is the client’s');
    return parsed?.address;
  };

  it('of version 1 names the client by IPv4, by IPv6, or not at all', () => {
    assert.equal(addressOf('PROXY TCP4 203.0.113.7 10.0.0.9 49152 2222\r\n'), '203.0.113.7');
    assert.equal(addressOf('PROXY TCP6 2001:db8::7 2001:db8::9 49152 2222\r\n'), '2001:db8::7');
    assert.equal(addressOf('PROXY UNKNOWN\r\n'), undefined);
    assert.equal(addressOf('PROXY UNKNOWN ffff:f::f ffff:f::f 65535 65535\r\n'), undefined);
  });

  it('of version 2 names the client, with and without TLVs behind the addresses', () => {
    assert.equal(addressOf(tcp4('203.0.113.7')), '203.0.113.7');
    assert.equal(addressOf(tcp4('203.0.113.7', AWS_TLV)), '203.0.113.7');
    const six = Buffer.from('20010db8000000000000000000000007', 'hex');
    assert.equal(addressOf(v2(1, FAMILY.tcp6, Buffer.concat([six, six, PORTS, AWS_TLV]))), '2001:db8::7');
  });

  it('of a health check (LOCAL), of a Unix socket and of nothing known names nobody', () => {
    assert.equal(addressOf(LOCAL), undefined);
    assert.equal(addressOf(v2(0, FAMILY.tcp4, Buffer.concat([Buffer.alloc(12), AWS_TLV]))), undefined);
    assert.equal(addressOf(v2(1, FAMILY.unspecified, Buffer.alloc(0))), undefined);
    assert.equal(addressOf(v2(1, FAMILY.unix, Buffer.alloc(216))), undefined);
  });

  it('may come byte by byte', () => {
    for (const header of [
      Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.9 1 2\r\n'),
      tcp4('203.0.113.7', AWS_TLV),
    ]) {
      for (let length = 0; length < header.length; length += 1)
        assert.equal(parseProxyHeader(header.subarray(0, length)), undefined, `${length} bytes`);
      assert.equal(parseProxyHeader(header)?.address, '203.0.113.7');
    }
  });

  for (const [what, bytes] of [
    ['an SSH client without one', Buffer.from('SSH-2.0-OpenSSH_10.0\r\n')],
    ['version 1 without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`)],
    ['version 1 of another protocol', Buffer.from('PROXY UDP4 203.0.113.7 10.0.0.9 1 2\r\n')],
    ['version 1 without an address', Buffer.from('PROXY TCP4 somebody 10.0.0.9 1 2\r\n')],
    ['version 1 with an address of the other family', Buffer.from('PROXY TCP4 2001:db8::7 ::1 1 2\r\n')],
    ['version 3', Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 12]), Buffer.alloc(12)])],
    ['an unknown command', v2(7, FAMILY.tcp4, Buffer.alloc(12))],
    ['an unknown family', v2(1, 0x41, Buffer.alloc(12))],
    ['addresses cut short', v2(1, FAMILY.tcp6, Buffer.alloc(12))],
    ['a length of 64 KiB', v2(1, FAMILY.tcp4, Buffer.alloc(65_535))],
  ] as const) {
    it(`is refused when it is ${what}`, () => {
      assert.throws(() => parseProxyHeader(bytes), ProxyHeaderError);
    });
  }
});

describe('Behind a load balancer', () => {
  let gateway: TestGateway;
  let tenant: Tenant;
  const logger = new RecordingLogger();

  before(async () => {
    gateway = await startTestGateway({ proxyRanges: ['127.0.0.1/32'], logger: logger.logger });
    tenant = await gateway.tenant({ allowedSourceRanges: ['203.0.113.0/24', '2001:db8::/32'] });
  });
  after(() => gateway.close());

  async function through(header: Buffer | string, pieces = 1): Promise<RawSftp> {
    const sock = await open(gateway.port);
    const bytes = Buffer.from(header as string);
    for (let piece = 0; piece < pieces; piece += 1) {
      sock.write(bytes.subarray((bytes.length * piece) / pieces, (bytes.length * (piece + 1)) / pieces));
      await new Promise((resolve) => setTimeout(resolve, pieces > 1 ? 20 : 0));
    }
    return RawSftp.connect({ sock, username: tenant.clientId, password: tenant.clientSecret });
  }

  const probes = async () => (await gateway.metrics.sftpProbes.get()).values[0]?.value ?? 0;

  for (const [name, header, pieces] of [
    ['version 1', 'PROXY TCP4 203.0.113.7 10.0.0.9 49152 2222\r\n', 1],
    ['version 1 by IPv6', 'PROXY TCP6 2001:db8::7 2001:db8::9 49152 2222\r\n', 1],
    ['version 2 with TLVs', tcp4('203.0.113.7', AWS_TLV), 1],
    ['version 2 in pieces', tcp4('203.0.113.7', AWS_TLV), 4],
  ] as const) {
    it(`the client's own address counts: ${name}`, async () => {
      const sftp = await through(header, pieces);
      const handle = await sftp.openHandle('/orgTransactions/x.csv');
      await sftp.write(handle, 0, transactionsCsv(1));
      await sftp.close(handle);
      await sftp.quit();
      const recorded = await gateway.database.pool.query<{ address: string }>(
        'SELECT remote_address AS address FROM piing.uploads ORDER BY created_at DESC LIMIT 1',
      );
      assert.match(recorded.rows[0]?.address ?? '', /^(203\.0\.113\.7|2001:db8::7)$/);
    });
  }

  it('an address that the organization does not allow is refused', async () => {
    await assert.rejects(through(tcp4('198.51.100.7')), /authentication methods failed/);
    assert.equal(logger.find(({ reason }) => reason === 'source-address')?.remoteAddress, '198.51.100.7');
  });

  it('a connection that the proxy makes for itself (LOCAL) speaks for nobody', async () => {
    await assert.rejects(through(LOCAL), /authentication methods failed/);
  });

  it('a peer without a header is refused, and the log says why', async () => {
    await assert.rejects(through(''));
    const line = await until(async () => logger.find(({ msg }) => msg === 'PROXY header refused'));
    assert.match(String(line.reason), /does not begin with a PROXY header/);
  });

  it('health checks are counted, and are nothing for the log or a ban', async () => {
    const before = await probes();
    const lines = logger.count('warn');
    (await open(gateway.port)).destroy();
    (await open(gateway.port)).end(LOCAL);
    await until(async () => ((await probes()) === before + 2 ? true : undefined));
    assert.equal(logger.count('warn'), lines);
    const sftp = await through('PROXY TCP4 203.0.113.7 10.0.0.9 49152 2222\r\n');
    await sftp.quit();
  });
});

describe('Without a load balancer', () => {
  it('a PROXY header from anybody else is not believed, and the process serves on', async () => {
    const gateway = await startTestGateway({ withWorker: false });
    try {
      const tenant = await gateway.tenant({ allowedSourceRanges: ['203.0.113.0/24'] });
      const sock = await open(gateway.port);
      sock.write(tcp4('203.0.113.7'));
      const login = RawSftp.connect({ sock, username: tenant.clientId, password: tenant.clientSecret });
      await assert.rejects(login);
      const other = await gateway.connect(await gateway.tenant());
      assert.equal(await other.quit(), 0);
    } finally {
      await gateway.close();
    }
  });
});

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
