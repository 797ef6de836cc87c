import assert from 'node:assert/strict';
import { DEFAULT_RULES } from '../../src/tenancy/login-throttle.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { RecordingLogger } from '../support/logger.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';

describe('A login', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  const logger = new RecordingLogger();

  before(async () => {
    gateway = await startTestGateway({
      withWorker: false,
      logger: logger.logger,
      throttle: { ...DEFAULT_RULES, perClientAndAddress: 3, perAddress: 100 },
    });
  });
  after(() => gateway.close());

  const connect = ({ clientId, clientSecret }: Pick<Tenant, 'clientId' | 'clientSecret'>) =>
    RawSftp.connect({
      host: '127.0.0.1',
      port: gateway.port,
      username: clientId,
      password: clientSecret,
    });

  async function denied(login: Pick<Tenant, 'clientId' | 'clientSecret'>) {
    const started = performance.now();
    const error = await connect(login).then(
      () => assert.fail('was let in'),
      (reason: Error) => reason,
    );
    return {
      message: error.message,
      level: (error as { level?: string }).level,
      ms: performance.now() - started,
    };
  }

  it('is answered alike, and no faster, whatever is wrong with it', async () => {
    const { pool } = gateway.database;
    const [wrong, revoked, expired, suspended, elsewhere, unknown, banned] = await Promise.all([
      gateway.tenant(),
      gateway.tenant(),
      gateway.tenant(),
      gateway.tenant(),
      gateway.tenant({ allowedSourceRanges: ['203.0.113.0/24'] }),
      gateway.tenant(),
      gateway.tenant(),
    ]);
    await pool.query('UPDATE piing.credentials SET revoked_at = now() WHERE client_id = $1', [
      revoked.clientId,
    ]);
    await pool.query(
      "UPDATE piing.credentials SET expires_at = now() - interval '1 s' WHERE client_id = $1",
      [expired.clientId],
    );
    await pool.query('UPDATE piing.organizations SET suspended = true WHERE id = $1', [
      suspended.organizationId,
    ]);
    for (let count = 0; count < 3; count += 1) await denied({ ...banned, clientSecret: wrong.clientSecret });
    const cases = {
      'wrong-secret': { ...wrong, clientSecret: banned.clientSecret },
      revoked,
      expired,
      suspended,
      'source-address': elsewhere,
      'unknown-client': { ...unknown, clientId: 'piing_000000000000000000000000' as Tenant['clientId'] },
      throttled: banned,
    };
    const answers = new Map<string, Awaited<ReturnType<typeof denied>>>();
    for (const [reason, login] of Object.entries(cases)) {
      answers.set(reason, await denied(login));
      assert.ok(
        logger.find((line) => line.reason === reason),
        `the log names ${reason}`,
      );
    }
    const all = [...answers.values()];
    assert.equal(new Set(all.map(({ message, level }) => `${level}: ${message}`)).size, 1);
    for (const [reason, { ms }] of answers) assert.ok(ms >= 300, `${reason} after ${ms} ms`);
  });

  it('never puts a secret into the log', async () => {
    const tenant = await gateway.tenant();
    await denied({ clientId: tenant.clientSecret as unknown as Tenant['clientId'], clientSecret: 'x' });
    await (await connect(tenant)).quit();
    const text = JSON.stringify(logger.lines);
    assert.ok(text.includes(tenant.clientId));
    assert.ok(!text.includes(tenant.clientSecret));
  });

  it('is cut off after too many attempts, with a sentence, a count and a line', async () => {
    const tenant = await gateway.tenant();
    let reason = '';
    const config = { host: '127.0.0.1', port: gateway.port, username: tenant.clientId };
    await assert.rejects(
      RawSftp.connect({
        ...config,
        // Tries passwords without end.
        authHandler: (_left, _partial, next) =>
          next({ type: 'password', username: tenant.clientId, password: 'wrong' }),
        debug: (line) => {
          if (line.includes('DISCONNECT')) reason += line;
        },
      }),
    );
    await until(async () => logger.find(({ limit }) => limit === 'login-attempts'));
    assert.match(reason, /Too many login attempts/);
  });
});

describe('While the database is away', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway({ withWorker: false });
  });
  after(() => gateway.close());

  it('logins are refused quickly and clearly, and open uploads run on to their acknowledgement', async () => {
    const tenant = await gateway.tenant();
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle('/orgTransactions/x.csv');
    const content = transactionsCsv(1_000);
    await sftp.write(handle, 0, content.slice(0, 50_000));
    const name = new URL(gateway.database.url).pathname.slice(1);
    await gateway.database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await gateway.database.administer(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );

    const started = performance.now();
    let reason = '';
    await assert.rejects(
      RawSftp.connect({
        host: '127.0.0.1',
        port: gateway.port,
        username: tenant.clientId,
        password: tenant.clientSecret,
        debug: (line) => {
          if (line.includes('DISCONNECT')) reason += line;
        },
      }),
    );
    assert.ok(performance.now() - started < 5_000, `${performance.now() - started} ms`);
    assert.match(reason, /Nothing is wrong with the credential: try again later/);

    await sftp.write(handle, 50_000, content.slice(50_000));
    const closing = sftp.close(handle);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await gateway.database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    const closed = await closing;
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    assert.equal((await gateway.uploads(tenant))[0]?.status, 'PENDING');
    const again = await sftp.openHandle('/orgTransactions/y.csv');
    await sftp.write(again, 0, content);
    const second = await sftp.close(again);
    assert.ok(second.type === 'status' && second.code === 0, 'the session goes on');
  });
});
