import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import type { UploadView } from '../../src/api/upload-views.ts';
import { generateTransactions } from '../support/csv-files.ts';
import { until } from '../support/gateway.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { launchStandalone, type StandaloneProcess, startStandalone } from '../support/standalone.ts';

const MIB = 1024 * 1024;
const LIMIT = 100 * MIB;

describe('npm start', function () {
  this.timeout(300_000);
  let gateway: StandaloneProcess;

  before(async () => {
    gateway = await startStandalone(join(await temporaryDirectory('standalone'), 'data'));
  });
  after(() => gateway.stop());

  const api = (path: string) => `${gateway.endpoints.http.url}/api/external${path}`;

  async function token(organization: string, name: string): Promise<string> {
    const credential = await gateway.credential(organization, name);
    const response = await fetch(api('/auth/token'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(credential),
    });
    assert.equal(response.status, 200);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async function connect(organization: string, name: string): Promise<RawSftp> {
    const { client_id, client_secret } = await gateway.credential(organization, name);
    const { host, port } = gateway.endpoints.sftp;
    return RawSftp.connect({ host, port, username: client_id, password: client_secret });
  }

  async function get<Body>(path: string, bearer: string): Promise<{ status: number; body: Body }> {
    const response = await fetch(api(path), { headers: { authorization: `Bearer ${bearer}` } });
    return { status: response.status, body: (await response.json()) as Body };
  }

  async function finished(id: string, bearer: string): Promise<UploadView> {
    return until(async () => {
      const { body } = await get<UploadView>(`/upload/${id}/status`, bearer);
      return ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'].includes(body.status) ? body : undefined;
    }, 240_000);
  }

  async function query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: gateway.endpoints.database.url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  it('writes each credential once, for this user only, and the endpoints beside them', async () => {
    for (const [organization, name] of [
      ['blue-bistro', 'pos'],
      ['corner-books', 'erp'],
    ] as const) {
      const credential = await gateway.credential(organization, name);
      assert.match(credential.client_id, /^piing_[0-9a-f]{24}$/);
      assert.match(credential.client_secret, /^piing_sk_[0-9A-Za-z]{49}$/);
      const { mode } = await stat(join(gateway.dataDirectory, 'credentials', `${organization}-${name}.json`));
      assert.equal(mode & 0o777, 0o600);
      assert.ok(gateway.output().includes(credential.client_secret), 'it is shown when it is made');
    }
    assert.equal((await stat(join(gateway.dataDirectory, 'endpoints.json'))).mode & 0o777, 0o600);
    assert.match(gateway.endpoints.sftp.hostKeys.join(' '), /ssh-ed25519 \S+ .*ssh-rsa/);
  });

  it('takes the sample by the lines that it printed: sftp, curl, status, psql', async () => {
    const block = gateway.output().split('corner-books:')[0] ?? '';
    const lines = block
      .split('\n')
      .filter((line) => line.startsWith('  ') && /sshpass|curl|export|TOKEN|psql/.test(line));
    assert.equal(lines.length, 6, block);
    const { code, stdout, stderr } = await run(
      'bash',
      ['-e', '-o', 'pipefail', '-c', [...lines.slice(0, 4), 'sleep 3', ...lines.slice(4)].join('\n')],
      {
        env: { HOME: gateway.dataDirectory },
      },
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/"status": "COMPLETED"/g)?.length, 2, stdout);
    const rows = await query<{ count: number }>(
      `SELECT count(*)::int AS count FROM org_transactions WHERE _line > 0`,
    );
    assert.equal(rows[0]?.count, 25, 'sent by SFTP and by HTTP, the rows are there once');
  });

  it('answers metrics and health', async () => {
    const { url } = gateway.endpoints.metrics;
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(
      metrics,
      /piing_uploads_total\{source="sftp",outcome="received",schema_type="orgTransactions"\} [1-9]/,
    );
    assert.match(metrics, /piing_rows_total\{outcome="loaded"\} [1-9]/);
  });

  it("keeps tenants apart: another's schema type, secret and upload are not there", async () => {
    const books = await connect('corner-books', 'erp');
    assert.deepEqual(
      (await books.list('/')).map((entry) => entry.name),
      ['generic_transactions'],
    );
    books.drop();
    const bistro = await gateway.credential('blue-bistro', 'pos');
    const { client_secret } = await gateway.credential('corner-books', 'erp');
    const { host, port } = gateway.endpoints.sftp;
    await assert.rejects(
      RawSftp.connect({ host, port, username: bistro.client_id, password: client_secret }),
      /authentication/,
    );
    const [upload] = await query<{ id: string }>(
      `SELECT id FROM piing.uploads WHERE organization_id = 'blue-bistro' LIMIT 1`,
    );
    const answer = await get<{ status: number }>(
      `/upload/${upload?.id}/status`,
      await token('corner-books', 'erp'),
    );
    assert.equal(answer.status, 404);
  });

  it('takes 100 MB by SFTP in less than 400 MB of memory, and loads 700,000 rows', async () => {
    const sftp = await connect('blue-bistro', 'pos');
    const handle = await sftp.openHandle('/orgTransactions/large.csv');
    let most = 0;
    const watch = setInterval(
      () => void gateway.residentMemory().then((bytes) => (most = Math.max(most, bytes))),
      50,
    );
    const file = generateTransactions(700_000, { seed: 1 });
    let sent = 0;
    for await (const chunk of file.bytes) {
      const reply = await sftp.write(handle, sent, chunk);
      assert.ok(reply.type === 'status' && reply.code === 0, JSON.stringify(reply));
      sent += chunk.length;
    }
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    const [entry] = await sftp.list('/orgTransactions');
    const id = /\S+\s+1\s+(\S+)/.exec(entry?.longName ?? '')?.[1] ?? '';
    const upload = await finished(id, await token('blue-bistro', 'pos'));
    clearInterval(watch);
    sftp.drop();
    assert.ok(sent > 90 * MIB && sent <= LIMIT, `${sent} bytes`);
    assert.equal(upload.status, 'COMPLETED');
    assert.equal(upload.sha256, file.sha256());
    assert.deepEqual(upload.rows, { total: 700_000, loaded: 700_000, unchanged: 0, rejected: 0 });
    assert.ok(most < 400 * MIB, `${Math.round(most / MIB)} MB were resident`);
  });

  it('refuses the first byte over 100 MB in a WRITE, and processes nothing of the file', async () => {
    const sftp = await connect('blue-bistro', 'pos');
    const handle = await sftp.openHandle('/orgTransactions/too-large.csv');
    const header =
      'transaction_id,location_id,transaction_type,status,business_date,opened_at,currency,total_amount\n';
    const row = 'X1,L1,sale,closed,2026-02-20,2026-02-20T10:00:00Z,USD,1.00\n';
    const content = Buffer.from(header + row.repeat(4_000)).subarray(0, 200_000);
    let sent = 0;
    const write = async (data: Buffer) => {
      const reply = await sftp.write(handle, sent, data);
      sent += data.length;
      return reply;
    };
    while (sent + content.length <= LIMIT) {
      const reply = await write(sent === 0 ? content : Buffer.alloc(content.length, row));
      assert.ok(reply.type === 'status' && reply.code === 0, JSON.stringify(reply));
    }
    const last = await write(Buffer.alloc(LIMIT - sent, 'x'));
    assert.ok(last.type === 'status' && last.code === 0, 'exactly the limit is fine');
    const refused = await write(Buffer.from('x'));
    assert.ok(refused.type === 'status' && refused.code === 4);
    assert.match(refused.message, /larger than 100 MB \(104857600 bytes\).*FILE_TOO_LARGE/);
    sftp.drop();
    const [upload] = await query<{ status: string }>(
      `SELECT status FROM piing.uploads WHERE file_name = 'too-large.csv'`,
    );
    assert.equal(upload?.status, 'ABANDONED');
    const loaded = await query(`SELECT FROM org_transactions WHERE transaction_id = 'X1'`);
    assert.equal(loaded.length, 0);
  });

  it('serves the command line: piing uploads list, show, errors and retry', async () => {
    const piing = (...args: string[]) =>
      run(process.execPath, ['src/main.ts', 'uploads', ...args], {
        env: { PIING_DATA_DIR: gateway.dataDirectory },
      });
    const table = await piing('list', '--organization', 'blue-bistro');
    assert.match(table.stdout, /^UPLOAD\s+BEGUN \(UTC\)\s+ORGANIZATION.*STATUS\s+ROWS/);
    assert.match(table.stdout, /too-large\.csv\s+sftp\s+ABANDONED\s+FILE_TOO_LARGE/);
    const json = JSON.parse((await piing('list', '--status', 'completed', '--json')).stdout) as {
      id: string;
    }[];
    const id = json[0]?.id ?? '';
    assert.match((await piing('show', id)).stdout, /status\s+COMPLETED/);
    assert.match((await piing('errors', id)).stdout, /No errors/);
    const retried = await piing('retry', id);
    assert.equal(retried.code, 1);
    assert.match(
      retried.stderr,
      /is COMPLETED\. Only FAILED uploads are retried; piing uploads replay runs others\./,
    );
    assert.match((await piing('show', 'nonsense')).stderr, /is not an upload id/);
  });

  it('writes no secret into its logs', async () => {
    const { client_secret } = await gateway.credential('blue-bistro', 'pos');
    const logged = gateway
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    assert.ok(logged.length > 5);
    assert.ok(
      logged.some(
        (line) =>
          line.includes('"uploadId"') && line.includes('"organizationId"') && line.includes('"clientId"'),
      ),
    );
    assert.ok(logged.every((line) => !line.includes(client_secret)));
  });

  it('stops cleanly on SIGTERM, its database too, and starts again with data, credentials and host keys kept', async () => {
    const before = {
      credential: await gateway.credential('blue-bistro', 'pos'),
      endpoints: gateway.endpoints,
    };
    const pid = Number(
      (await readFile(join(gateway.dataDirectory, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split(
        '\n',
      )[0],
    );
    assert.equal(await gateway.stop('SIGTERM'), 0);
    assert.throws(() => process.kill(pid, 0), 'PostgreSQL has ended');
    gateway = await startStandalone(gateway.dataDirectory);
    assert.deepEqual(await gateway.credential('blue-bistro', 'pos'), before.credential);
    assert.deepEqual(gateway.endpoints.sftp.hostKeys, before.endpoints.sftp.hostKeys);
    assert.ok(
      !gateway.output().includes(before.credential.client_secret),
      'an old secret is not shown again',
    );
    const [rows] = await query<{ count: number }>('SELECT count(*)::int AS count FROM org_transactions');
    assert.equal(rows?.count, 700_025);
  });

  it('starts again after kill -9, although its database was left running', async () => {
    gateway.process.kill('SIGKILL');
    await until(async () => (gateway.process.signalCode ? true : undefined));
    gateway = await startStandalone(gateway.dataDirectory);
    const [rows] = await query<{ count: number }>('SELECT count(*)::int AS count FROM org_transactions');
    assert.equal(rows?.count, 700_025);
  });

  it('stops cleanly on ^C', async () => {
    assert.equal(await gateway.stop('SIGINT'), 0);
    gateway = await startStandalone(gateway.dataDirectory);
  });

  describe('says in one sentence why it cannot start, and ends with 1, when', () => {
    async function startFails(
      directory: string,
      env: Record<string, string>,
      sentence: RegExp,
    ): Promise<void> {
      const { ended, output } = launchStandalone(directory, { PIING_LOG_LEVEL: 'error', ...env });
      assert.equal(await ended, 1);
      const lines = output()
        .split('\n')
        .filter((line) => line !== '' && !/^\s|^New credential/.test(line));
      assert.equal(lines.length, 1, output());
      assert.match(lines[0] ?? '', sentence);
    }

    for (const [setting, what] of [
      ['PIING_SFTP_PORT', 'SFTP'],
      ['PIING_HTTP_PORT', 'HTTP'],
      ['PIING_METRICS_PORT', 'metrics'],
    ] as const) {
      it(`the ${what} port is in use`, async () => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const address = server.address();
        const port = typeof address === 'object' && address ? address.port : 0;
        const directory = join(await temporaryDirectory('port'), 'data');
        await startFails(
          directory,
          { [setting]: String(port) },
          new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use\\..*${setting}`),
        );
        server.close();
      });
    }

    it('the data directory is in use by another instance', async () => {
      await startFails(gateway.dataDirectory, {}, /in use by another instance.*PIING_DATA_DIR/);
    });

    it('the data directory cannot be written', async () => {
      const directory = await temporaryDirectory('read-only');
      if (process.getuid?.() === 0) {
        // Modes do not bind root; a file in the way does.
        await startFails('/dev/null/data', {}, /cannot be written.*PIING_DATA_DIR/);
        return;
      }
      await mkdir(join(directory, 'data'));
      await chmod(join(directory, 'data'), 0o500);
      await startFails(join(directory, 'data'), {}, /cannot be written.*PIING_DATA_DIR/);
    });

    it('a setting is misspelt', async () => {
      const directory = await temporaryDirectory('setting');
      await startFails(directory, { PIING_SFTP_PROT: '1' }, /PIING_SFTP_PROT is not a setting/);
    });
  });
});
