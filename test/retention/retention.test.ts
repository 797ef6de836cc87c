import assert from 'node:assert/strict';
import { findUpload } from '../../src/intake/upload-queries.ts';
import type { UploadRecord } from '../../src/intake/uploads.ts';
import { retryUpload } from '../../src/pipeline/rerun.ts';
import { type RetentionLimits, retentionLimits } from '../../src/retention/limits.ts';
import { countExpired, runRetention, runRetentionIfDue } from '../../src/retention/retention.ts';
import { readSettings } from '../../src/settings.ts';
import {
  ObjectNotFoundError,
  type RawStore,
  rejectReportKey,
  StoreUnavailableError,
} from '../../src/storage/raw-store.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { silentLogger } from '../support/logger.ts';
import { run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';

const NONE: RetentionLimits = {
  rawFiles: null,
  rejectReports: null,
  rowErrors: null,
  uploadRecords: null,
  idempotencyKeys: null,
};

describe('Retention', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let tenant: Tenant;

  before(async () => {
    gateway = await startTestGateway();
    tenant = await gateway.tenant();
  });
  after(() => gateway.close());

  /** A processed file with one good and one bad row, received so many days ago. */
  async function uploadOf(daysAgo: number): Promise<UploadRecord> {
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle('/orgTransactions/feb.csv');
    const lines = [transactionLine(0), transactionLine(1).replace(',USD,', ',Dollar,')];
    await sftp.write(handle, 0, `${TRANSACTIONS_HEADER}\n${lines.join('\n')}\n`);
    await sftp.close(handle);
    sftp.drop();
    const { id } = await gateway.finished(tenant);
    await gateway.database.pool.query(
      `UPDATE piing.uploads SET created_at = created_at - make_interval(days => $2), received_at = received_at - make_interval(days => $2),
              completed_at = completed_at - make_interval(days => $2), idempotency_key = id::text WHERE id = $1`,
      [id, daysAgo],
    );
    return expectUpload(id);
  }

  async function expectUpload(id: UploadId): Promise<UploadRecord> {
    const record = await findUpload(gateway.database.pool, id);
    assert.ok(record);
    return record;
  }

  const options = (limits: Partial<RetentionLimits>, store: RawStore = gateway.store) => ({
    control: gateway.database.pool,
    analytics: gateway.database.pool,
    store,
    limits: { ...NONE, ...limits },
    logger: silentLogger,
    metrics: createMetrics(),
  });

  it('removes nothing while the clocks of the database and of this machine differ by hours', async () => {
    const { objectKey } = await uploadOf(20);
    const given = options({ rawFiles: 10 });
    for (const [hours, says] of [
      [-5, /5\.0 hours ahead of this machine's/],
      [26, /26\.0 hours behind this machine's/],
    ] as const) {
      const now = () => Date.now() + hours * 3_600_000;
      await assert.rejects(runRetention({ ...given, now }), says);
    }
    assert.ok(await isThere(objectKey));
    assert.deepEqual(await runRetention(given), { 'raw-files': 1 });
  });

  const isThere = (key: string) =>
    gateway.store.read(key).then(
      (stream) => {
        stream.destroy();
        return true;
      },
      (error: unknown) => {
        assert.ok(error instanceof ObjectNotFoundError);
        return false;
      },
    );

  it('removes raw files that are older than their time; the record stays, says so, and is not run again', async () => {
    const [old, young] = [await uploadOf(11), await uploadOf(9)];
    const given = options({ rawFiles: 10 });
    assert.deepEqual(await countExpired(given), { 'raw-files': 1 });
    assert.deepEqual(await runRetention(given), { 'raw-files': 1 });
    assert.equal(await isThere(old.objectKey), false);
    assert.equal(await isThere(young.objectKey), true);
    const record = await expectUpload(old.id);
    assert.ok(record.rawRemovedAt);
    assert.deepEqual({ ...record, rawRemovedAt: null }, old);
    assert.equal((await given.metrics.retentionRemoved.get()).values[0]?.value, 1);
    await gateway.database.pool.query(`UPDATE piing.uploads SET status = 'FAILED' WHERE id = $1`, [old.id]);
    const answer = await retryUpload(gateway.database.pool, old.id);
    assert.ok(!answer.done && /retention removed its file on \d{4}-\d\d-\d\d/.test(answer.refused));
    assert.deepEqual(await countExpired(given), { 'raw-files': 0 });
  });

  it('removes reject reports and row errors each at their own time', async () => {
    const old = await uploadOf(11);
    assert.equal(old.hasReport, true);
    await runRetention(options({ rejectReports: 10 }));
    assert.equal(await isThere(rejectReportKey(old.objectKey)), false);
    assert.equal(await isThere(old.objectKey), true);
    const withoutReport = await expectUpload(old.id);
    assert.equal(withoutReport.hasReport, false);
    assert.equal(withoutReport.errors.length, 1);
    await gateway.database.pool.query(
      `INSERT INTO piing.upload_errors (upload_id, ordinal, code, message) VALUES ($1, 99, 'WHOLE_FILE', 'why it failed')`,
      [old.id],
    );
    await runRetention(options({ rowErrors: 10 }));
    const left = (await expectUpload(old.id)).errors.map(({ code }) => code);
    assert.deepEqual(left, ['WHOLE_FILE'], 'what says nothing of the rows stays');
  });

  it('removes records with their files, reports and ledger rows, and leaves the loaded rows', async () => {
    const old = await uploadOf(11);
    await runRetention(options({ uploadRecords: 10 }));
    assert.equal(await findUpload(gateway.database.pool, old.id), undefined);
    assert.equal(await isThere(old.objectKey), false);
    assert.equal(await isThere(rejectReportKey(old.objectKey)), false);
    const { pool } = gateway.database;
    const left = await pool.query('SELECT FROM public.load_ledger WHERE upload_id = $1', [old.id]);
    assert.equal(left.rowCount, 0);
    const rows = await pool.query('SELECT FROM public.org_transactions WHERE organization_id = $1', [
      tenant.organizationId,
    ]);
    assert.equal(rows.rowCount, 1);
  });

  it('removes idempotency keys, and nothing of an upload that has not ended', async () => {
    const [old, open] = [await uploadOf(3), await uploadOf(500)];
    const { pool } = gateway.database;
    await pool.query(
      `UPDATE piing.uploads SET status = 'PROCESSING', received_at = now() - interval '500 days' WHERE id = $1`,
      [open.id],
    );
    await pool.query(
      `INSERT INTO piing.jobs (upload_id, organization_id, schema_type, lane, cost, run_at)
                      VALUES ($1, 'x', 'x', 'small', 1, 'infinity')`,
      [open.id],
    );
    await runRetention(
      options({ rawFiles: 10, rejectReports: 10, rowErrors: 10, uploadRecords: 400, idempotencyKeys: 2 }),
    );
    const key = await pool.query('SELECT idempotency_key AS key FROM piing.uploads WHERE id = $1', [old.id]);
    assert.deepEqual(key.rows, [{ key: null }]);
    assert.equal(await isThere(open.objectKey), true);
    assert.equal((await expectUpload(open.id)).errors.length, 1);
    await pool.query('DELETE FROM piing.jobs');
    await pool.query(`UPDATE piing.uploads SET status = 'FAILED' WHERE id = $1`, [open.id]);
  });

  it('keeps everything for ever when every limit is 0', async () => {
    const old = await uploadOf(5_000);
    assert.deepEqual(await runRetention(options({})), {});
    assert.deepEqual(await expectUpload(old.id), old);
  });

  it('that dies between record and object is finished by the next run, and the record never promises a lost file', async () => {
    const old = await uploadOf(11);
    const broken: RawStore = {
      ...gateway.store,
      remove: () => Promise.reject(new StoreUnavailableError('away')),
    };
    await assert.rejects(runRetention(options({ rawFiles: 10 }, broken)), StoreUnavailableError);
    assert.ok((await expectUpload(old.id)).rawRemovedAt);
    assert.equal(await isThere(old.objectKey), true);
    await runRetention(options({ rawFiles: 10 }));
    assert.equal(await isThere(old.objectKey), false);
    const notes = await gateway.database.pool.query('SELECT FROM piing.removals');
    assert.equal(notes.rowCount, 0);
  });

  it('works in pieces, so that a backlog of thousands holds no lock for long', async () => {
    const { pool } = gateway.database;
    await pool.query(
      `INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source, instance_id, object_key, status, received_at, completed_at)
       SELECT gen_random_uuid(), 'many', 'c', 't', 'f.csv', 'csv', 'sftp', gen_random_uuid(), 'raw/many/' || n || '.csv', 'COMPLETED',
              now() - interval '20 days', now() - interval '20 days' FROM generate_series(1, 1700) n`,
    );
    const pages: number[] = [];
    const store: RawStore = {
      ...gateway.store,
      remove: async (keys) => {
        pages.push(keys.length);
        await gateway.store.remove(keys);
      },
    };
    assert.equal((await runRetention(options({ rawFiles: 10 }, store)))?.['raw-files'], 1_700);
    assert.deepEqual(pages, [500, 500, 500, 200]);
  });

  it('runs in one process at a time, and once after its hour each day', async () => {
    const { pool } = gateway.database;
    const never = new AbortController().signal;
    const hour = new Date().getUTCHours();
    assert.equal(
      await runRetentionIfDue(options({}), hour, never),
      undefined,
      'not on the day of the upgrade',
    );
    await pool.query(`UPDATE piing.retention_runs SET started_at = started_at - interval '1 day'`);
    const slow: RawStore = {
      ...gateway.store,
      remove: async (keys) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        await gateway.store.remove(keys);
      },
    };
    await uploadOf(11);
    const [first, second] = await Promise.all([
      runRetentionIfDue(options({ rawFiles: 10 }, slow), hour, never),
      runRetentionIfDue(options({ rawFiles: 10 }, slow), hour, never),
    ]);
    assert.deepEqual([first, second].filter(Boolean), [{ 'raw-files': 1 }]);
    assert.equal(
      await runRetentionIfDue(options({ rawFiles: 10 }), hour, never),
      undefined,
      'done for today',
    );
  });

  it('refuses limits by which a file would outlive its record, and says which', () => {
    const limits = (env: Record<string, string>) => () => retentionLimits(readSettings(env));
    assert.throws(
      limits({ PIING_RETENTION_UPLOAD_RECORDS_DAYS: '30' }),
      /^StartupError: PIING_RETENTION_RAW_FILES_DAYS \(90\) is longer than/,
    );
    assert.throws(
      limits({ PIING_RETENTION_REJECT_REPORTS_DAYS: '0' }),
      /REJECT_REPORTS_DAYS \(0, for ever\)/,
    );
    assert.deepEqual(
      limits({ PIING_RETENTION_UPLOAD_RECORDS_DAYS: '0', PIING_RETENTION_RAW_FILES_DAYS: '0' })().rawFiles,
      null,
    );
  });

  it('by command tells with --dry-run what it would remove, and then removes it', async () => {
    const old = await uploadOf(100);
    const piing = (...args: string[]) =>
      run(process.execPath, ['src/main.ts', 'retention', 'run', ...args], {
        env: {
          DATABASE_URL: gateway.database.url,
          PIING_RAW_STORE: gateway.store.location,
          PIING_LOG_LEVEL: 'error',
        },
      });
    const dry = await piing('--dry-run');
    assert.match(
      dry.stdout,
      /^KIND +WOULD BE REMOVED *\nraw-files +1 *\nreject-reports +\d+ *\nrow-errors +\d+/,
      dry.stderr,
    );
    assert.equal(await isThere(old.objectKey), true);
    const done = await piing('--json');
    assert.equal((JSON.parse(done.stdout) as Record<string, number>)['raw-files'], 1, done.stderr);
    assert.equal(await isThere(old.objectKey), false);
  });
});
