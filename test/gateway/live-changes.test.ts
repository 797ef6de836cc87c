import assert from 'node:assert/strict';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import type { RawSftp } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';

const WITHIN_MS = 1_000;

describe('An open session, on every pod', function () {
  this.timeout(30_000);
  let pods: TestGateway[];
  let tenant: Tenant;
  let sessions: RawSftp[];
  let files: Buffer[];

  before(async () => {
    const first = await startTestGateway({ withWorker: false });
    pods = [first, await startTestGateway({ withWorker: false, besides: first })];
  });
  after(async () => {
    for (const pod of [...pods].reverse()) await pod.close();
  });
  beforeEach(async () => {
    tenant = await pod().tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
    sessions = await Promise.all(pods.map((each) => each.connect(tenant)));
    files = await Promise.all(sessions.map((session) => session.openHandle('/orgTransactions/open.csv')));
    await onEach((session, file) => session.write(file, 0, transactionsCsv(1)));
  });
  afterEach(() => {
    for (const session of sessions) session.drop();
  });

  const pod = () => pods[0] as TestGateway;
  const change = (sql: string) => pod().database.pool.query(sql, [tenant.organizationId]);
  const onEach = <Result>(work: (session: RawSftp, file: Buffer) => Promise<Result>) =>
    Promise.all(sessions.map((session, index) => work(session, files[index] as Buffer)));

  async function withinASecond(work: () => Promise<unknown>): Promise<void> {
    const started = performance.now();
    await work();
    assert.ok(performance.now() - started < WITHIN_MS, `${performance.now() - started} ms`);
  }

  async function assertEveryFileAbandoned(code: string): Promise<void> {
    const uploads = await until(async () => {
      const found = await pod().uploads(tenant);
      return found.every(({ status }) => status === 'ABANDONED') ? found : undefined;
    });
    assert.deepEqual(
      uploads.map(({ errors }) => errors[0]?.code),
      [code, code],
    );
  }

  for (const [what, sql] of [
    [
      'its credential is revoked',
      'UPDATE piing.credentials SET revoked_at = now() WHERE organization_id = $1',
    ],
    ['its organization is suspended', 'UPDATE piing.organizations SET suspended = true WHERE id = $1'],
    ['its organization is deleted', 'UPDATE piing.organizations SET deleted_at = now() WHERE id = $1'],
    [
      'its address is no longer allowed',
      "UPDATE piing.organizations SET allowed_source_ranges = '{192.0.2.0/24}' WHERE id = $1",
    ],
  ] as const) {
    it(`ends within a second when ${what}, and what it was sending is abandoned`, async () => {
      await withinASecond(async () => {
        await change(sql);
        await onEach((session) => session.closed);
      });
      await assertEveryFileAbandoned('ACCESS_REVOKED');
    });
  }

  it('loses the folder of a schema type within a second when that is disabled, with the files open in it', async () => {
    await withinASecond(async () => {
      await change(
        "DELETE FROM piing.schema_enablements WHERE organization_id = $1 AND schema_type = 'orgTransactions'",
      );
      await onEach((session) =>
        until(async () => ((await session.list('/')).length === 1 ? true : undefined), WITHIN_MS),
      );
    });
    const replies = await onEach((session, file) => session.write(file, 1, 'x'));
    for (const reply of replies)
      assert.ok(reply.type === 'status' && reply.code === 2 && /disabled/.test(reply.message));
    await assertEveryFileAbandoned('SCHEMA_NOT_ENABLED');
  });

  it('meets a lowered size limit within a second, in a file that is open', async () => {
    const size = transactionsCsv(1).length;
    await change(`UPDATE piing.organizations SET max_file_bytes = ${size} WHERE id = $1`);
    await new Promise((resolve) => setTimeout(resolve, WITHIN_MS));
    const replies = await onEach((session, file) => session.write(file, size, 'x'));
    for (const reply of replies)
      assert.ok(reply.type === 'status' && reply.code !== 0 && /FILE_TOO_LARGE/.test(reply.message));
  });

  it('gets the folder of a schema type within a second when that is enabled', async () => {
    await withinASecond(async () => {
      await change(`INSERT INTO piing.schema_enablements (organization_id, schema_type, namespace, name, transformer)
        SELECT organization_id, 'generic_transactions', namespace, 'new', transformer
          FROM piing.schema_enablements WHERE organization_id = $1 LIMIT 1`);
      await onEach((session) =>
        until(async () => ((await session.list('/')).length === 3 ? true : undefined), WITHIN_MS),
      );
    });
  });

  it('of another organization notices nothing', async () => {
    const other = await pod().tenant();
    const session = await pod().connect(other);
    await change('UPDATE piing.organizations SET suspended = true WHERE id = $1');
    await onEach((each) => each.closed);
    assert.equal((await session.list('/')).length, 1);
    session.drop();
  });
});

describe('An open session whose notification was lost', function () {
  this.timeout(30_000);
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway({ withWorker: false, tenancyPollMs: 500 });
  });
  after(() => gateway.close());

  it('ends at the next poll', async () => {
    const tenant = await gateway.tenant();
    const session = await gateway.connect(tenant);
    await gateway.database.pool.query('ALTER TABLE piing.credentials DISABLE TRIGGER USER');
    await gateway.database.pool.query(
      'UPDATE piing.credentials SET revoked_at = now() WHERE client_id = $1',
      [tenant.clientId],
    );
    await session.closed;
  });

  it('ends when its credential expires, which nobody notifies of', async () => {
    const tenant = await gateway.tenant();
    await gateway.database.pool.query(
      "UPDATE piing.credentials SET expires_at = now() + interval '1 second' WHERE client_id = $1",
      [tenant.clientId],
    );
    const session = await gateway.connect(tenant);
    await session.closed;
  });

  it('is looked at again when the connection that listens was cut', async () => {
    const tenant = await gateway.tenant();
    const session = await gateway.connect(tenant);
    await gateway.database.pool.query('ALTER TABLE piing.organizations DISABLE TRIGGER USER');
    await gateway.database.pool.query('UPDATE piing.organizations SET suspended = true WHERE id = $1', [
      tenant.organizationId,
    ]);
    await gateway.database.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'piing-listen-%' AND datname = current_database()",
    );
    await session.closed;
  });
});
