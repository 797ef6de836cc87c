import assert from 'node:assert/strict';
import { findUpload } from '../../src/intake/upload-queries.ts';
import type { UploadRecord } from '../../src/intake/uploads.ts';
import { forgetLoad } from '../../src/pipeline/load/forget-load.ts';
import { cancelUpload, replayUpload, retryUpload } from '../../src/pipeline/rerun.ts';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { ObjectNotFoundError, rejectReportKey } from '../../src/storage/raw-store.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { TRANSACTIONS_HEADER, transactionLine, transactionsCsv } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';

const TABLE = 'org_transactions';

/** Every row gets this channel, whatever the file says. */
const channel = (constant: string): Partial<TransformerSpec> => ({
  columns: [{ name: 'channel', constant }],
});

describe('Running uploads again', function () {
  this.timeout(120_000);
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  async function put(tenant: Tenant, content: string, name = 'feb.csv'): Promise<UploadId> {
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle(`/orgTransactions/${name}`);
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; at += 32_000)
      await sftp.write(handle, at, bytes.subarray(at, at + 32_000));
    await sftp.close(handle);
    sftp.drop();
    return (await gateway.uploads(tenant))[0]?.id ?? ('' as UploadId);
  }

  async function mend(tenant: Tenant, change: Partial<TransformerSpec>): Promise<void> {
    await gateway.database.pool.query(
      'UPDATE piing.schema_enablements SET transformer = transformer || $2::jsonb WHERE organization_id = $1',
      [tenant.organizationId, JSON.stringify(change)],
    );
  }

  async function values(tenant: Tenant, column: string): Promise<unknown[]> {
    const { rows } = await gateway.database.pool.query<{ value: unknown }>(
      `SELECT ${column} AS value FROM public.${TABLE} WHERE organization_id = $1 ORDER BY transaction_id`,
      [tenant.organizationId],
    );
    return rows.map(({ value }) => value);
  }

  const piing = (...args: string[]): Promise<Ran> =>
    run(process.execPath, ['src/main.ts', ...args], {
      env: { DATABASE_URL: gateway.database.url, PIING_LOG_LEVEL: 'error' },
    });

  const replay = async (id: UploadId): Promise<UploadRecord> => {
    const record = await gateway.finished(id);
    assert.deepEqual(await replayUpload(gateway.database.pool, gateway.database.pool, record), {
      done: true,
    });
    return gateway.finished(id);
  };

  describe('after a transformer was mended', () => {
    it('replay loads the rows of completed uploads anew, of the chosen ones only', async () => {
      const tenant = await gateway.tenant({ transformer: channel('wrong') });
      const other = await gateway.tenant({ transformer: channel('wrong') });
      const content = transactionsCsv(3);
      await gateway.finished(await put(tenant, content));
      await gateway.finished(await put(other, content));
      await mend(tenant, channel('right'));
      await mend(other, channel('right'));
      const args = [
        '--organization',
        tenant.organizationId,
        '--schema',
        'orgTransactions',
        '--since',
        '1h',
        '--json',
      ];
      const { code, stdout, stderr } = await piing('uploads', 'replay', ...args);
      assert.equal(code, 0, stderr);
      const records = JSON.parse(stdout) as UploadRecord[];
      assert.deepEqual(
        records.map(({ status, rows }) => ({ status, rows })),
        [{ status: 'COMPLETED', rows: { total: 3, loaded: 3, unchanged: 0, rejected: 0 } }],
      );
      assert.deepEqual(await values(tenant, 'channel'), ['right', 'right', 'right']);
      assert.deepEqual(await values(other, 'channel'), ['wrong', 'wrong', 'wrong']);
    });

    it('the errors and the reject report of the earlier run are replaced', async () => {
      const tenant = await gateway.tenant();
      const lines = [transactionLine(0), transactionLine(1).replace(',USD,', ',Dollar,')];
      const id = await put(tenant, `${TRANSACTIONS_HEADER}\n${lines.join('\n')}\n`);
      const before = await gateway.finished(id);
      assert.equal(before.status, 'PARTIALLY_COMPLETED');
      assert.equal(before.hasReport, true);
      await mend(tenant, { columns: [{ name: 'currency', constant: 'USD' }] });
      const after = await replay(id);
      assert.equal(after.status, 'COMPLETED', JSON.stringify(after.errors));
      assert.deepEqual(after.errors, []);
      assert.equal(after.hasReport, false);
      await assert.rejects(gateway.store.read(rejectReportKey(after.objectKey)), ObjectNotFoundError);
      assert.equal(await rowCount(gateway, tenant.organizationId), 2);
    });

    it('a replayed old file does not overwrite rows of a newer one', async () => {
      const tenant = await gateway.tenant();
      const old = await put(tenant, `${TRANSACTIONS_HEADER}\n${transactionLine(0)}\n${transactionLine(1)}\n`);
      await gateway.finished(old);
      const newer = transactionLine(0).replace(',closed,', ',voided,');
      await gateway.finished(await put(tenant, `${TRANSACTIONS_HEADER}\n${newer}\n`, 'newer.csv'));
      await replay(old);
      assert.deepEqual(await values(tenant, 'status'), ['voided', 'closed']);
    });

    it('a command that dies between the two databases loses nothing: the next one does it all', async () => {
      const tenant = await gateway.tenant();
      const id = await put(tenant, transactionsCsv(5));
      const record = await gateway.finished(id);
      await forgetLoad(gateway.database.pool, tenant.organizationId, id);
      assert.equal((await findUpload(gateway.database.pool, id))?.status, 'COMPLETED');
      assert.equal(await rowCount(gateway, tenant.organizationId), 5);
      assert.deepEqual((await replay(id)).rows, { ...record.rows, loaded: 0, unchanged: 5 });
      assert.equal(await rowCount(gateway, tenant.organizationId), 5);
    });
  });

  describe('by command', () => {
    it('tells with --dry-run what it would do, and does nothing', async () => {
      const tenant = await gateway.tenant();
      const id = await put(tenant, transactionsCsv(5));
      const before = await gateway.finished(id);
      const filter = ['--organization', tenant.organizationId, '--since', '2026-01-01', '--dry-run'];
      const { code, stdout } = await piing('uploads', 'replay', ...filter);
      assert.equal(code, 0);
      assert.match(
        stdout,
        new RegExp(`^ORGANIZATION .*\\n${tenant.organizationId} +orgTransactions +COMPLETED +1 `),
      );
      assert.deepEqual(await findUpload(gateway.database.pool, id), before);
      const { stdout: none } = await piing('uploads', 'replay', ...filter, '--until', '2026-01-02');
      assert.equal(none, 'No uploads match.\n');
    });

    it('asks before it runs many uploads again, and without a terminal wants --yes', async () => {
      const tenant = await gateway.tenant();
      for (let count = 0; count < 11; count += 1)
        await gateway.finished(await put(tenant, transactionsCsv(1)));
      const args = ['uploads', 'replay', '--organization', tenant.organizationId, '--since', '1h'];
      const refused = await piing(...args);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /Run 11 uploads again from their stored files\? Nothing was done: give --yes to confirm\.\n$/,
      );
      const done = await piing(...args, '--yes');
      assert.equal(done.code, 0, done.stderr);
      assert.equal(done.stdout.match(/COMPLETED/g)?.length, 11);
    });

    it('says what is wrong with a time or a status', async () => {
      const time = await piing('uploads', 'replay', '--since', '2026-02-30');
      assert.equal(time.code, 1);
      assert.match(time.stderr, /^"2026-02-30" is not a time\. Write a day such as 2026-02-20/);
      const status = await piing('uploads', 'replay', '--since', '1h', '--status', 'PENDING');
      assert.match(status.stderr, /^--status takes one or more of COMPLETED,PARTIALLY_COMPLETED,FAILED/);
    });

    it('refuses an upload whose file retention has removed, says when, and goes on with the others', async () => {
      const tenant = await gateway.tenant();
      const lost = await gateway
        .finished(await put(tenant, 'not,a,header\n1,2,3\n').catch(() => '' as UploadId))
        .catch(() => undefined);
      assert.equal(lost?.status, 'ABANDONED', 'a file without a known header is refused at the door');
      const ids = [await put(tenant, transactionsCsv(2)), await put(tenant, transactionsCsv(3))];
      for (const id of ids) await gateway.finished(id);
      await gateway.database.pool.query(`UPDATE piing.uploads SET status = 'FAILED' WHERE id = ANY($1)`, [
        ids,
      ]);
      await gateway.database.pool.query(
        `UPDATE piing.uploads SET raw_removed_at = '2026-03-01T05:00Z' WHERE id = $1`,
        [ids[0]],
      );
      const { code, stdout, stderr } = await piing('uploads', 'retry', ...ids);
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(`Upload ${ids[0]} cannot be run again: retention removed its file on 2026-03-01\\.`),
      );
      assert.match(stdout, new RegExp(`${ids[1]} .* COMPLETED`));
      const { stdout: shown } = await piing('uploads', 'show', ids[0] ?? '');
      assert.match(shown, /stored as +removed by retention on 2026-03-01/);
    });
  });

  describe('and stopping them', () => {
    /** Makes the worker wait in the middle of its load, as a large merge does. */
    async function holdTable(tenant: Tenant): Promise<() => Promise<void>> {
      const client = await gateway.database.pool.connect();
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [
        `${tenant.organizationId}/${TABLE}`,
      ]);
      return async () => {
        await client.query('SELECT pg_advisory_unlock_all()');
        client.release();
      };
    }

    const processing = (id: UploadId) =>
      until(async () => {
        const waiting = await gateway.database.pool.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory' AND query LIKE '%hashtextextended%'`,
        );
        const record = await findUpload(gateway.database.pool, id);
        return record?.status === 'PROCESSING' && waiting.rowCount ? true : undefined;
      });

    it('cancel ends an upload that waits: FAILED, CANCELLED, and it can be run again', async () => {
      const tenant = await gateway.tenant();
      const release = await holdTable(tenant);
      const first = await put(tenant, transactionsCsv(2));
      await processing(first);
      const second = await put(tenant, transactionsCsv(3), 'second.csv');
      const { code, stdout } = await piing('uploads', 'cancel', second);
      assert.equal(code, 0);
      assert.match(stdout, /FAILED +CANCELLED/);
      await release();
      assert.equal((await gateway.finished(first)).status, 'COMPLETED');
      const cancelled = await gateway.finished(second);
      assert.equal(cancelled.retryable, true);
      assert.match(cancelled.errors[0]?.message ?? '', /^An administrator stopped the processing/);
      assert.deepEqual(await retryUpload(gateway.database.pool, second), { done: true });
      assert.equal((await gateway.finished(second)).status, 'COMPLETED');
    });

    it('cancel ends within seconds one that is being merged, and rolls it back', async () => {
      const tenant = await gateway.tenant();
      const release = await holdTable(tenant);
      const id = await put(tenant, transactionsCsv(20_000));
      await processing(id);
      const asked = Date.now();
      assert.deepEqual(await cancelUpload(gateway.database.pool, id), { done: true });
      assert.equal((await gateway.finished(id)).errors[0]?.code, 'CANCELLED');
      assert.ok(Date.now() - asked < 5_000, `${Date.now() - asked} ms`);
      await release();
      assert.equal(await rowCount(gateway, tenant.organizationId), 0);
      const ledger = await gateway.database.pool.query(
        'SELECT FROM public.load_ledger WHERE upload_id = $1',
        [id],
      );
      assert.equal(ledger.rowCount, 0);
      await retryUpload(gateway.database.pool, id);
      assert.equal((await gateway.finished(id)).rows?.loaded, 20_000);
    });

    it('cancel ends one that is being read', async () => {
      const tenant = await gateway.tenant();
      const id = await put(tenant, transactionsCsv(60_000));
      await until(async () =>
        (await findUpload(gateway.database.pool, id))?.status === 'PROCESSING' ? true : undefined,
      );
      await cancelUpload(gateway.database.pool, id);
      const ended = await gateway.finished(id);
      assert.equal(ended.errors[0]?.code, 'CANCELLED');
      assert.equal(await rowCount(gateway, tenant.organizationId), 0);
    });

    it('cancel of one that has ended changes nothing and says so', async () => {
      const tenant = await gateway.tenant();
      const id = await put(tenant, transactionsCsv(2));
      const record = await gateway.finished(id);
      const { code, stderr } = await piing('uploads', 'cancel', id);
      assert.equal(code, 1);
      assert.equal(stderr, `Upload ${id} is COMPLETED. There is nothing to stop.\n`);
      assert.deepEqual(await findUpload(gateway.database.pool, id), record);
    });
  });
});
