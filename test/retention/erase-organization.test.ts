import assert from 'node:assert/strict';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { eraseOrganization } from '../../src/retention/erase-organization.ts';
import { type RawStore, rejectReportKey, StoreUnavailableError } from '../../src/storage/raw-store.ts';
import { createS3Store } from '../../src/storage/s3-store.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { authenticate } from '../../src/tenancy/access.ts';
import { throttleLogins } from '../../src/tenancy/login-throttle.ts';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { run } from '../support/run.ts';
import { newBucket, testS3 } from '../support/s3.ts';
import type { Tenant } from '../support/tenants.ts';

describe('Erasing an organization', function () {
  this.timeout(120_000);
  let gateway: TestGateway;
  let bystander: Tenant;
  let kept: { readonly tables: Map<string, number>; readonly id: UploadId };

  before(async () => {
    const s3 = await testS3();
    gateway = await startTestGateway({ store: createS3Store(s3.client, await newBucket(s3), 'files') });
    bystander = await gateway.tenant();
    const id = await put(bystander);
    await gateway.finished(id);
    kept = { tables: await traces(bystander), id };
  });
  after(() => gateway.close());

  /** One good and one bad row: rows, ledger, errors, a report. */
  async function put(tenant: Tenant): Promise<UploadId> {
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle('/orgTransactions/feb.csv');
    const lines = [transactionLine(0), transactionLine(1).replace(',USD,', ',Dollar,')];
    await sftp.write(handle, 0, `${TRANSACTIONS_HEADER}\n${lines.join('\n')}\n`);
    await sftp.close(handle);
    sftp.drop();
    return (await gateway.uploads(tenant))[0]?.id ?? ('' as UploadId);
  }

  async function tenantWithData(): Promise<{ readonly tenant: Tenant; readonly id: UploadId }> {
    const tenant = await gateway.tenant();
    const { pool } = gateway.database;
    const login = throttleLogins(pool, (attempt) => authenticate(pool, attempt));
    const { clientId } = tenant;
    await login({ clientId, clientSecret: 'wrong', remoteAddress: '192.0.2.1' });
    await login({ clientId, clientSecret: tenant.clientSecret, remoteAddress: '192.0.2.1' });
    const id = await put(tenant);
    await gateway.finished(id);
    return { tenant, id };
  }

  /** How many rows of each table name the organization, its client or its uploads, in whatever column. */
  async function traces({ organizationId, clientId }: Tenant): Promise<Map<string, number>> {
    const { pool } = gateway.database;
    const { rows } = await pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('piing', 'public')`,
    );
    const found = new Map<string, number>();
    for (const { name } of rows) {
      const result = await pool.query<{ count: number }>(
        `SELECT count(*) AS count FROM ${name} t WHERE t::text ~ ('\\m' || $1 || '\\M') OR t::text LIKE '%' || $2 || '%'`,
        [organizationId, clientId],
      );
      if (result.rows[0]?.count) found.set(name, result.rows[0].count);
    }
    return found;
  }

  const stored = (key: string) =>
    gateway.store.read(key).then(
      (stream) => stream.destroy() !== undefined,
      () => false,
    );

  const erase = (tenant: Tenant, store: RawStore = gateway.store, patienceMs = 10_000) =>
    eraseOrganization({
      control: gateway.database.pool,
      analytics: gateway.database.pool,
      store,
      organizationId: tenant.organizationId,
      onStep: () => undefined,
      patienceMs,
    });

  it('removes every trace of it, in the databases and in the store, and nothing of another', async () => {
    const { tenant, id } = await tenantWithData();
    const objectKey = (await findUpload(gateway.database.pool, id))?.objectKey ?? '';
    assert.ok(await stored(objectKey));
    assert.ok(await stored(rejectReportKey(objectKey)));
    assert.ok((await traces(tenant)).size >= 7, [...(await traces(tenant)).keys()].join());
    const erased = await erase(tenant);
    assert.deepEqual(await traces(tenant), new Map());
    assert.equal(await stored(objectKey), false);
    assert.equal(await stored(rejectReportKey(objectKey)), false);
    assert.deepEqual(
      erased.filter(({ what }) => what !== 'job_shares'),
      [
        { what: 'login throttling', count: 3 },
        { what: 'uploads', count: 1 },
        { what: 'stored files and reports', count: 2 },
        { what: 'public.org_transactions', count: 1 },
        { what: 'public.load_ledger', count: 1 },
        { what: 'credentials', count: 1 },
        { what: 'schema_enablements', count: 1 },
        { what: 'organization', count: 1 },
      ],
    );
    assert.deepEqual(await traces(bystander), kept.tables);
    const other = await findUpload(gateway.database.pool, kept.id);
    assert.ok(await stored(other?.objectKey ?? ''));
  });

  it('that died in the middle is finished by the next run', async () => {
    const { tenant } = await tenantWithData();
    const broken: RawStore = {
      ...gateway.store,
      removeBelow: async function* () {
        yield 1;
        throw new StoreUnavailableError('away');
      },
    };
    await assert.rejects(erase(tenant, broken), StoreUnavailableError);
    const open = await traces(tenant);
    assert.ok(open.has('piing.organizations') && open.has('public.org_transactions'));
    const erased = await erase(tenant);
    assert.ok(erased.some(({ what, count }) => what === 'stored files and reports' && count === 2));
    assert.deepEqual(await traces(tenant), new Map());
    assert.deepEqual(await erase(tenant), [], 'and then there is nothing left');
  });

  it('stops what runs first, and a door that is receiving cannot acknowledge any more', async () => {
    const tenant = await gateway.tenant();
    const blocker = await gateway.database.pool.connect();
    await blocker.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [
      `${tenant.organizationId}/org_transactions`,
    ]);
    const id = await put(tenant);
    await put(tenant);
    await until(async () =>
      (await findUpload(gateway.database.pool, id))?.status === 'PROCESSING' ? true : undefined,
    );
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle('/orgTransactions/open.csv');
    await sftp.write(handle, 0, `${TRANSACTIONS_HEADER}\n${transactionLine(7)}\n`);
    await erase(tenant);
    const answer = await Promise.race([sftp.close(handle), sftp.closed]);
    assert.ok(!('type' in answer) || (answer.type === 'status' && answer.code !== 0), JSON.stringify(answer));
    sftp.drop();
    await blocker.query('SELECT pg_advisory_unlock_all()');
    blocker.release();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await rowCount(gateway, tenant.organizationId), 0);
    assert.deepEqual(await traces(tenant), new Map());
  });

  it('gives up when a worker does not stop, and has removed nothing by then', async () => {
    const { tenant, id } = await tenantWithData();
    await gateway.database.pool.query(
      `INSERT INTO piing.jobs (upload_id, organization_id, schema_type, lane, cost, claim_id, claimed_at, heartbeat_at)
       VALUES ($1, $2, 't', 'small', 1, gen_random_uuid(), now(), now() + interval '1 hour')`,
      [id, tenant.organizationId],
    );
    await assert.rejects(
      erase(tenant, gateway.store, 600),
      /A worker still runs 1 jobs of org-\d+\. .*nothing was removed/,
    );
    assert.equal(await rowCount(gateway, tenant.organizationId), 1);
    await gateway.database.pool.query('DELETE FROM piing.jobs WHERE upload_id = $1', [id]);
  });

  it('by command refuses an active organization and a wrong confirmation, and lists what there is', async () => {
    const { tenant } = await tenantWithData();
    const { endpoint } = await testS3();
    const piing = (...args: string[]) =>
      run(process.execPath, ['src/main.ts', 'organizations', ...args], {
        env: {
          DATABASE_URL: gateway.database.url,
          PIING_RAW_STORE: '/tmp/jobs-none',
          PIING_S3_ENDPOINT: endpoint,
          PIING_LOG_LEVEL: 'info',
          PIING_LOG_FORMAT: 'json',
        },
      });
    const { organizationId } = tenant;
    const wrong = await piing('erase', organizationId, '--confirm', 'other');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /--confirm has to repeat/);
    const active = await piing('erase', organizationId, '--confirm', organizationId);
    assert.equal(active.code, 1);
    assert.match(
      active.stderr,
      /is active: it could send files while they are erased\. Delete its resource first/,
    );
    const unknown = await piing('erase', '../x', '--confirm', '../x');
    assert.match(unknown.stderr, /There is no organization "\.\.\/x"/);
    assert.equal(await rowCount(gateway, organizationId), 1);
    await gateway.database.pool.query('UPDATE piing.organizations SET deleted_at = now() WHERE id = $1', [
      organizationId,
    ]);
    const { stdout: list } = await piing('list');
    assert.match(list, new RegExp(`${organizationId} +default +deleted +1 +orgTransactions +1 `));
    const erased = await piing('erase', organizationId, '--confirm', organizationId);
    assert.equal(erased.code, 0, erased.stderr);
    assert.match(erased.stdout, /^ERASED +COUNT *\n/);
    assert.match(erased.stdout, /\npublic\.org_transactions +1 /);
    assert.match(
      erased.stderr,
      new RegExp(`"audit":"organization-erased","organizationId":"${organizationId}"`),
    );
    assert.deepEqual(await traces(tenant), new Map());
  });
});
