import assert from 'node:assert/strict';
import { type RecoveredUpload, recoverUploads } from '../../src/intake/recover.ts';
import { sweepOnce } from '../../src/intake/sweeper.ts';
import { listUploads } from '../../src/intake/upload-queries.ts';
import { startWorker } from '../../src/pipeline/worker.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { silentLogger } from '../support/logger.ts';
import type { RawSftp } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';
import { until } from '../support/until.ts';

const TABLES = ['uploads', 'upload_errors', 'jobs', 'instances'] as const;

describe('After the control database was restored from a backup', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let tenant: Tenant;
  let sftp: RawSftp;

  before(async () => {
    gateway = await startTestGateway({ withWorker: false });
    tenant = await gateway.tenant();
    sftp = await gateway.connect(tenant);
  });
  after(() => gateway.close());

  async function put(name: string, seed: number): Promise<void> {
    const handle = await sftp.openHandle(`/orgTransactions/${name}`);
    await sftp.write(handle, 0, transactionsCsv(10, seed));
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0);
  }

  async function backUp(): Promise<void> {
    await gateway.database.pool.query(
      `CREATE SCHEMA backup; ${TABLES.map((table) => `CREATE TABLE backup.${table} AS TABLE piing.${table}`).join('; ')}`,
    );
  }

  async function restore(): Promise<void> {
    const { pool } = gateway.database;
    await pool.query('DELETE FROM piing.jobs; DELETE FROM piing.upload_errors; DELETE FROM piing.uploads');
    await pool.query('DELETE FROM piing.instances');
    for (const table of TABLES) await pool.query(`INSERT INTO piing.${table} SELECT * FROM backup.${table}`);
    // Time has passed: no process of the backup lives.
    await pool.query("UPDATE piing.instances SET seen_at = now() - interval '1 hour'");
  }

  async function recover(dryRun = false): Promise<RecoveredUpload[]> {
    const { store, database } = gateway;
    return Array.fromAsync(
      recoverUploads({ control: database.pool, store, dryRun, onObjects: () => undefined }),
    );
  }

  it('every file that was acknowledged since is found in the store and processed, and the others are not touched', async () => {
    const { pool } = gateway.database;
    await put('before.csv', 1);
    const begun = await sftp.openHandle('/orgTransactions/during.csv');
    await backUp();
    await sftp.write(begun, 0, transactionsCsv(10, 2));
    const closed = await sftp.close(begun);
    assert.ok(closed.type === 'status' && closed.code === 0, 'acknowledged, and RECEIVING in the backup');
    await put('after.csv', 3);
    await restore();

    const planned = await recover(true);
    assert.deepEqual(
      planned.map(({ outcome }) => outcome),
      ['found', 'found'],
    );
    assert.equal((await gateway.uploads(tenant)).length, 2, 'a dry run changes nothing');
    const recovered = await recover();
    assert.deepEqual(
      recovered.map(({ id, outcome }) => [id, outcome]),
      planned.map(({ id }) => [id, 'recovered']),
    );
    assert.deepEqual(await recover(), [], 'nothing is recovered twice');
    await sweepOnce({ pool, store: gateway.store, logger: silentLogger, metrics: gateway.metrics });

    const worker = startWorker({
      control: pool,
      analytics: pool,
      store: gateway.store,
      catalogue: gateway.catalogue,
      logger: silentLogger,
      metrics: gateway.metrics,
      databaseUrl: gateway.database.url,
      concurrency: 2,
      organizationConcurrency: 1,
    });
    const ended = await until(async () => {
      const uploads = await listUploads(pool, { organizationId: tenant.organizationId, limit: 10 });
      return uploads.every(({ status }) => status === 'COMPLETED') ? uploads : undefined;
    });
    await worker.close(5_000);
    assert.equal(ended.length, 3);
    const { rows } = await pool.query(
      'SELECT count(*) AS rows FROM public.org_transactions WHERE organization_id = $1',
      [tenant.organizationId],
    );
    assert.equal(rows[0].rows, 30);
  });

  it('files of an organization that the database does not know are named and left for later', async () => {
    const writer = gateway.store.create(
      'raw/nobody/orgTransactions/2026/02/20/01a21c3d-a3d0-7664-9b76-83e166f78ba6.csv',
    );
    await writer.write(Buffer.from(transactionsCsv(1)));
    await writer.complete();
    const [found] = await recover();
    assert.equal(found?.outcome, 'unknown-organization');
    assert.equal(found?.organizationId, 'nobody');
  });
});
