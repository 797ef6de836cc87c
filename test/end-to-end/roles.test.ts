import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { UploadView } from '../../src/api/upload-views.ts';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { run } from '../support/run.ts';
import { newBucket, testS3 } from '../support/s3.ts';
import { freePort, temporaryDirectory } from '../support/servers.ts';
import { createTenant, type Tenant } from '../support/tenants.ts';

/** Gateway, API and worker as processes of their own, on one PostgreSQL and an S3 bucket: as in production. */
describe('The roles as separate processes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let env: Record<string, string>;
  let tenant: Tenant;
  const children = new Map<string, ChildProcess>();
  const metricsPorts = new Map<string, number>();
  const ports = { sftp: 0, http: 0 };

  before(async function () {
    // The S3 server may have to be built.
    this.timeout(600_000);
    database = await emptyDatabase();
    const s3 = await testS3();
    const keys = await temporaryDirectory('role-keys');
    await keepHostKeys(keys);
    ports.sftp = await freePort();
    ports.http = await freePort();
    env = {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: database.url,
      PIING_RAW_STORE: `s3://${await newBucket(s3)}/files`,
      PIING_S3_ENDPOINT: s3.endpoint,
      PIING_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      PIING_HOST_KEYS: join(keys, 'ssh_host_ed25519_key'),
      PIING_BIND_ADDRESS: '127.0.0.1',
      PIING_SFTP_PORT: String(ports.sftp),
      PIING_HTTP_PORT: String(ports.http),
      PIING_DRAIN_SECONDS: '20',
      PIING_DRAIN_DELAY_SECONDS: '1',
      PIING_LOG_LEVEL: 'warn',
    };
  });
  after(async () => {
    for (const role of children.keys()) await stop(role);
    await database.close();
  });

  async function start(role: string): Promise<void> {
    const metricsPort = await freePort();
    metricsPorts.set(role, metricsPort);
    const child = spawn(process.execPath, ['src/main.ts', role], {
      env: { ...env, PIING_METRICS_PORT: String(metricsPort) },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.set(role, child);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${role} ended with ${child.exitCode}`);
      return (await readiness(role)) === 200 ? true : undefined;
    });
  }

  const readiness = (role: string): Promise<number | undefined> =>
    fetch(`http://127.0.0.1:${metricsPorts.get(role)}/readyz`).then(
      (response) => response.status,
      () => undefined,
    );

  async function stop(role: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = children.get(role);
    if (!child) return null;
    children.delete(role);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return ended;
  }

  const connect = () =>
    RawSftp.connect({
      host: '127.0.0.1',
      port: ports.sftp,
      username: tenant.clientId,
      password: tenant.clientSecret,
    });

  async function status(id: string): Promise<UploadView> {
    const api = `http://127.0.0.1:${ports.http}/api/external`;
    const body = JSON.stringify({ client_id: tenant.clientId, client_secret: tenant.clientSecret });
    const headers = { 'content-type': 'application/json' };
    const token = (await (await fetch(`${api}/auth/token`, { method: 'POST', headers, body })).json()) as {
      access_token: string;
    };
    const answer = await fetch(`${api}/upload/${id}/status`, {
      headers: { authorization: `Bearer ${token.access_token}` },
    });
    return (await answer.json()) as UploadView;
  }

  async function put(sftp: RawSftp, name: string, rows: number): Promise<string> {
    const handle = await sftp.openHandle(`/orgTransactions/${name}`);
    await sftp.write(handle, 0, transactionsCsv(rows));
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    const entry = (await sftp.list('/orgTransactions')).find((found) => found.name === name);
    return /\s1\s+(\S+)/.exec(entry?.longName ?? '')?.[1] ?? '';
  }

  it('a role that lacks a setting says which', async () => {
    for (const [role, without] of [
      ['gateway', 'DATABASE_URL'],
      ['worker', 'PIING_RAW_STORE'],
      ['gateway', 'PIING_HOST_KEYS'],
    ] as const) {
      const { code, stderr } = await run(process.execPath, ['src/main.ts', role], {
        env: { ...env, [without]: '' },
      });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^${without} is not set\\. .*\\n$`));
    }
  });

  it('migrate tells what it did, and the second time that there is nothing to do', async () => {
    const migrate = () => run(process.execPath, ['src/main.ts', 'migrate'], { env });
    const first = await migrate();
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^control\/0001_tenancy\.sql\n/);
    assert.match((await migrate()).stdout, /^Nothing to do/);
    tenant = await createTenant(database.pool);
  });

  it('a file put by SFTP goes through S3 to rows, and the API knows', async () => {
    await Promise.all([start('gateway'), start('api'), start('worker')]);
    const sftp = await connect();
    const id = await put(sftp, 'feb.csv', 500);
    sftp.drop();
    const upload = await until(async () => {
      const found = await status(id);
      return found.status === 'COMPLETED' ? found : undefined;
    });
    assert.deepEqual(upload.rows, { total: 500, loaded: 500, unchanged: 0, rejected: 0 });
  });

  it('what is acknowledged while no worker runs is processed when one comes', async () => {
    assert.equal(await stop('worker', 'SIGKILL'), null);
    const sftp = await connect();
    const id = await put(sftp, 'later.csv', 10);
    sftp.drop();
    assert.equal((await status(id)).status, 'PENDING');
    await start('worker');
    await until(async () => ((await status(id)).status === 'COMPLETED' ? true : undefined));
  });

  it('a draining gateway lets the open file finish, refuses new ones with a sentence, and ends with 0', async () => {
    const sftp = await connect();
    const handle = await sftp.openHandle('/orgTransactions/slow.csv');
    const content = transactionsCsv(100);
    await sftp.write(handle, 0, content.slice(0, 5_000));
    const ended = stop('gateway');
    await until(async () => ((await readiness('gateway')) === 503 ? true : undefined));
    // Load balancers need a moment to notice: until then everything still works.
    const early = await connect();
    await put(early, 'early.csv', 5);
    early.drop();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const refused = await sftp.open('/orgTransactions/new.csv');
    assert.ok(
      refused.type === 'status' && /about to restart.*DRAINING/.test(refused.message),
      JSON.stringify(refused),
    );
    await sftp.write(handle, 5_000, content.slice(5_000));
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    assert.equal(await ended, 0);
    await assert.rejects(connect(), /ECONNREFUSED/);
  });
});
