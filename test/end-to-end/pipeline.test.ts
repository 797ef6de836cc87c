import assert from 'node:assert/strict';
import type { UploadRecord } from '../../src/intake/uploads.ts';
import { giveUp, processUpload } from '../../src/pipeline/process-upload.ts';
import { rejectReportKey, StoreUnavailableError } from '../../src/storage/raw-store.ts';
import { TRANSACTIONS_HEADER, transactionLine, transactionsCsv } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { silentLogger } from '../support/logger.ts';
import type { Tenant } from '../support/tenants.ts';

describe('The pipeline', function () {
  this.timeout(60_000);
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  /** Puts a file and returns the upload when it has ended, whether it was refused at the door or processed. */
  async function put(
    tenant: Tenant,
    content: string | Buffer,
    path = '/orgTransactions/file.csv',
  ): Promise<UploadRecord> {
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle(path);
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; at += 32_000)
      await sftp.write(handle, at, bytes.subarray(at, at + 32_000));
    await sftp.close(handle);
    sftp.drop();
    return gateway.finished(tenant);
  }

  async function report(upload: UploadRecord): Promise<string> {
    let text = '';
    for await (const chunk of await gateway.store.read(rejectReportKey(upload.objectKey))) text += chunk;
    return text;
  }

  const lines = (count: number) => Array.from({ length: count }, (_, index) => transactionLine(index));

  it('loads the good rows of a file with three bad ones, and says of each what to mend', async () => {
    const tenant = await gateway.tenant();
    const rows = lines(1_000);
    rows[9] = (rows[9] ?? '').replace(/,USD,/, ',DOLLARS,');
    rows[499] = (rows[499] ?? '').replace(/2026-02-\d\d,/, '30.02.2026,');
    rows[998] = (rows[998] ?? '').replace(/^[^,]+,/, ',');
    const upload = await put(tenant, `${TRANSACTIONS_HEADER}\n${rows.join('\n')}\n`);
    assert.equal(upload.status, 'PARTIALLY_COMPLETED');
    assert.deepEqual(upload.rows, { total: 1_000, loaded: 997, unchanged: 0, rejected: 3 });
    assert.equal(await rowCount(gateway, tenant.organizationId), 997);
    assert.deepEqual(
      upload.errors.map(({ line, column, code, value }) => ({ line, column, code, value })),
      [
        { line: 11, column: 'currency', code: 'INVALID_CURRENCY', value: 'DOLLARS' },
        { line: 501, column: 'business_date', code: 'INVALID_DATE', value: '30.02.2026' },
        { line: 1_000, column: 'transaction_id', code: 'REQUIRED', value: null },
      ],
    );
    assert.equal(
      upload.errors[0]?.message,
      '"DOLLARS" in currency is not a currency. Write its ISO 4217 code, like USD.',
    );
    assert.equal(
      upload.errors[1]?.message,
      '"30.02.2026" in business_date is not a date. Write year, month and day, like 2026-02-20.',
    );
    assert.equal(upload.errors[2]?.message, 'transaction_id is empty. Every row needs it, like T-100245.');
    const text = await report(upload);
    assert.match(text, /^transaction_id,.*,guest_count,_line,_errors\n/);
    assert.equal(text.trim().split('\n').length, 4);
  });

  it('takes its own reject report, mended, as a new file', async () => {
    const tenant = await gateway.tenant();
    const rows = lines(5);
    rows[2] = (rows[2] ?? '').replace(',USD,', ',Dollar,');
    const first = await put(tenant, `${TRANSACTIONS_HEADER}\n${rows.join('\n')}\n`);
    const mended = (await report(first)).replace(',Dollar,', ',USD,');
    const second = await put(tenant, mended);
    assert.equal(second.status, 'COMPLETED');
    assert.deepEqual(second.warnings, []);
    assert.equal(await rowCount(gateway, tenant.organizationId), 5);
  });

  it('leaves the rows of the same file sent twice once, and says so', async () => {
    const tenant = await gateway.tenant();
    const first = await put(tenant, transactionsCsv(100));
    const second = await put(tenant, transactionsCsv(100));
    assert.deepEqual(second.rows, { total: 100, loaded: 0, unchanged: 100, rejected: 0 });
    assert.equal(second.status, 'COMPLETED');
    assert.equal(second.duplicateOf, first.id);
    assert.equal(await rowCount(gateway, tenant.organizationId), 100);
  });

  it('lets a row received later replace an earlier one, whatever the order of processing', async () => {
    const tenant = await gateway.tenant();
    const total = async () => {
      const sql =
        'SELECT total_amount::text AS total FROM public.org_transactions WHERE organization_id = $1';
      const result = await gateway.database.pool.query<{ total: string }>(sql, [tenant.organizationId]);
      return result.rows.map((row) => row.total);
    };
    const withTotal = (amount: string) => {
      const cells = transactionLine(0).split(',');
      cells[14] = amount;
      return `${TRANSACTIONS_HEADER}\n${cells.join(',')}\n`;
    };
    await put(tenant, withTotal('1.00'));
    const earlier = await put(tenant, withTotal('2.00'));
    assert.deepEqual(await total(), ['2.0000']);
    const later = await put(tenant, withTotal('3.00'));
    assert.deepEqual(await total(), ['3.0000']);
    // The earlier file once more, as a retry that comes late would.
    await gateway.database.pool.query('DELETE FROM public.load_ledger WHERE upload_id = $1', [earlier.id]);
    await runAgain(earlier);
    assert.deepEqual(await total(), ['3.0000']);
    assert.equal(later.rows?.loaded, 1);
  });

  it('changes nothing when an upload runs a second time: the ledger has it', async () => {
    const tenant = await gateway.tenant();
    const upload = await put(tenant, transactionsCsv(10));
    await gateway.database.pool.query(
      'UPDATE public.org_transactions SET channel = $2 WHERE organization_id = $1',
      [tenant.organizationId, 'touched'],
    );
    await runAgain(upload);
    const touched = await gateway.database.pool.query(
      'SELECT FROM public.org_transactions WHERE organization_id = $1 AND channel = $2',
      [tenant.organizationId, 'touched'],
    );
    assert.equal(touched.rowCount, 10);
    assert.deepEqual((await gateway.finished(upload.id)).rows, upload.rows);
  });

  async function runAgain(upload: UploadRecord): Promise<void> {
    const { pool } = gateway.database;
    await pool.query(`UPDATE piing.uploads SET status = 'PENDING' WHERE id = $1`, [upload.id]);
    const { store, catalogue, metrics } = gateway;
    const options = { control: pool, analytics: pool, store, catalogue, logger: silentLogger, metrics };
    await processUpload(options, upload.id, new AbortController().signal);
  }

  it('keeps the last of two lines with one key', async () => {
    const tenant = await gateway.tenant();
    const again = transactionLine(0).replace('dine_in', 'takeaway');
    const upload = await put(tenant, `${TRANSACTIONS_HEADER}\n${transactionLine(0)}\n${again}\n`);
    assert.deepEqual(upload.rows, { total: 2, loaded: 1, unchanged: 1, rejected: 0 });
    const result = await gateway.database.pool.query(
      `SELECT channel, _line FROM public.org_transactions WHERE organization_id = $1`,
      [tenant.organizationId],
    );
    assert.deepEqual(result.rows, [{ channel: 'takeaway', _line: 3 }]);
  });

  it('keeps money, ids and times exact from the file to the table', async () => {
    const tenant = await gateway.tenant({ schemaTypes: ['generic_transactions'] });
    const json = `{"exported":"x","data":[
      {"id":12345678901234567890,"occurred_at":"2026-02-20T10:15:00.123456+05:30","amount":10.10,"currency":"eur","attributes":{"n":0.1,"deep":[1e2,{"a":null}]}},
      {"id":"007","occurred_at":"2026-02-20 10:15:00Z","amount":"-999999999999999.9999","currency":"JPY","description":" spaces kept "}]}`;
    const upload = await put(tenant, json, '/generic_transactions/exact.json');
    assert.equal(upload.status, 'COMPLETED', JSON.stringify(upload.errors));
    const result = await gateway.database.pool.query(
      `SELECT transaction_id, occurred_at AT TIME ZONE 'UTC' || '' AS at, amount::text, currency, attributes->>'n' AS n, description
         FROM public.generic_transactions WHERE organization_id = $1 ORDER BY transaction_id`,
      [tenant.organizationId],
    );
    assert.deepEqual(result.rows, [
      {
        transaction_id: '007',
        at: '2026-02-20 10:15:00',
        amount: '-999999999999999.9999',
        currency: 'JPY',
        n: null,
        description: ' spaces kept ',
      },
      {
        transaction_id: '12345678901234567890',
        at: '2026-02-20 04:45:00.123456',
        amount: '10.1000',
        currency: 'EUR',
        n: '0.1',
        description: null,
      },
    ]);
  });

  it('warns of columns that it does not load, and loads the rest', async () => {
    const tenant = await gateway.tenant();
    const upload = await put(tenant, `${TRANSACTIONS_HEADER},weather\n${transactionLine(0)},sunny\n`);
    assert.equal(upload.status, 'COMPLETED');
    assert.deepEqual(upload.warnings, [
      {
        code: 'UNKNOWN_COLUMNS',
        message: 'orgTransactions has no columns for "weather": they were not loaded.',
      },
    ]);
  });

  describe('ends a file that is unusable as FAILED or refuses it, with a code and a sentence of its own:', () => {
    const head = `${TRANSACTIONS_HEADER}\n`;
    const good = lines(3_000).join('\n');
    const cases: [string, string | Buffer, string, RegExp][] = [
      ['a wrong header', 'a,b\n1,2\n', 'UNKNOWN_HEADER', /first line has to name the columns/],
      [
        'a missing column',
        `${head.replace('currency,', 'money,')}${transactionLine(0)}\n`,
        'MISSING_COLUMNS',
        /lacks currency/,
      ],
      [
        'two headers for one column',
        `${head.replace('register_id', 'Order ID')}${transactionLine(0)}\n`,
        'DUPLICATE_HEADER',
        /"transaction_id" and "Order ID"/,
      ],
      ['semicolons', `${head}x`.replaceAll(',', ';'), 'WRONG_DELIMITER', /semicolons/],
      [
        'Latin-1 bytes',
        Buffer.concat([Buffer.from(head + good), Buffer.from('\ncaf\xe9,L', 'latin1')]),
        'INVALID_UTF8',
        /0xE9.*UTF-8/,
      ],
      ['UTF-16', Buffer.from(`\ufeff${head}`, 'utf16le'), 'UTF16', /CSV UTF-8/],
      ['an unclosed quote', `${head}"${good}\n${good}\n${good}`, 'UNCLOSED_QUOTE', /never closed/],
      ['an unclosed quote at the end', `${head}${good}\n"x`, 'UNCLOSED_QUOTE', /line 3002/],
      ['only a header', head, 'NO_ROWS', /no rows/],
      ['no byte at all', '', 'EMPTY_FILE', /empty/],
      ['a NUL byte', `${head}${good}\nx\0y,`, 'NUL_BYTE', /NUL/],
      [
        'nothing but bad rows',
        `${head}${transactionLine(0).replace('USD', 'X')}\n`,
        'INVALID_CURRENCY',
        /ISO 4217/,
      ],
    ];
    for (const [what, content, code, message] of cases) {
      it(what, async () => {
        const tenant = await gateway.tenant();
        const started = Date.now();
        const upload = await put(tenant, content);
        assert.ok(['FAILED', 'ABANDONED'].includes(upload.status), upload.status);
        assert.equal(upload.errors[0]?.code, code);
        assert.match(upload.errors[0]?.message ?? '', message);
        assert.equal(upload.retryable, false);
        assert.equal(await rowCount(gateway, tenant.organizationId), 0);
        assert.ok(Date.now() - started < 10_000);
      });
    }

    it('JSON that stops in the middle', async () => {
      const tenant = await gateway.tenant({ schemaTypes: ['generic_transactions'] });
      const record =
        '{"transaction_id":"1","occurred_at":"2026-02-20T10:15:00Z","amount":1,"currency":"USD"}';
      const upload = await put(
        tenant,
        `[${record},${record},{"transaction_id`,
        '/generic_transactions/cut.json',
      );
      assert.equal(upload.errors[0]?.code, 'TRUNCATED_JSON');
      assert.match(upload.errors[0]?.message ?? '', /cut off/);
      assert.equal(await rowCount(gateway, tenant.organizationId, 'generic_transactions'), 0);
    });
  });

  describe('that meets a fault on our side', () => {
    const pipelineOn = (store: TestGateway['store']) => {
      const { pool } = gateway.database;
      const { catalogue, metrics } = gateway;
      return { control: pool, analytics: pool, store, catalogue, logger: silentLogger, metrics };
    };

    it('tries again, and loses nothing', async () => {
      let failures = 2;
      const store: TestGateway['store'] = {
        ...gateway.store,
        // The one fault that a real store cannot be told to have: it fails twice and then works.
        read: async (key) => {
          if (failures-- > 0) throw new StoreUnavailableError('no answer');
          return gateway.store.read(key);
        },
      };
      const tenant = await gateway.tenant();
      const upload = await put(tenant, transactionsCsv(10));
      await gateway.database.pool.query('DELETE FROM public.load_ledger WHERE upload_id = $1', [upload.id]);
      await gateway.database.pool.query('DELETE FROM public.org_transactions WHERE organization_id = $1', [
        tenant.organizationId,
      ]);
      await gateway.database.pool.query(`UPDATE piing.uploads SET status = 'PENDING' WHERE id = $1`, [
        upload.id,
      ]);
      const signal = new AbortController().signal;
      await assert.rejects(processUpload(pipelineOn(store), upload.id, signal), StoreUnavailableError);
      await assert.rejects(processUpload(pipelineOn(store), upload.id, signal), StoreUnavailableError);
      assert.equal((await gateway.uploads(tenant))[0]?.status, 'PROCESSING', 'until it works or is given up');
      await processUpload(pipelineOn(store), upload.id, signal);
      assert.deepEqual((await gateway.finished(upload.id)).rows, {
        total: 10,
        loaded: 10,
        unchanged: 0,
        rejected: 0,
      });
    });

    it('ends FAILED and retryable when every try is used up', async () => {
      const tenant = await gateway.tenant();
      const upload = await put(tenant, transactionsCsv(10));
      await gateway.database.pool.query(`UPDATE piing.uploads SET status = 'PROCESSING' WHERE id = $1`, [
        upload.id,
      ]);
      await giveUp(pipelineOn(gateway.store), upload.id);
      const failed = await gateway.finished(upload.id);
      assert.equal(failed.status, 'FAILED');
      assert.equal(failed.retryable, true);
      assert.equal(failed.errors[0]?.code, 'PROCESSING_FAILED');
    });

    it('runs from the queue again by itself after such a fault', async () => {
      const tenant = await gateway.tenant();
      const sftp = await gateway.connect(tenant);
      // COPY fails while the table is away, as it would during a failover.
      await gateway.database.pool.query('ALTER TABLE public.org_shifts RENAME TO away');
      await gateway.database.pool.query(
        `INSERT INTO piing.schema_enablements SELECT organization_id, 'orgShifts', namespace, name || '-s', transformer
           FROM piing.schema_enablements WHERE organization_id = $1`,
        [tenant.organizationId],
      );
      await until(async () => ((await sftp.list('/')).length === 2 ? true : undefined));
      const handle = await sftp.openHandle('/orgShifts/s.csv');
      await sftp.write(
        handle,
        0,
        'shift_id,location_id,employee_id,business_date,clock_in_at,status\n1,L,E,2026-02-20,2026-02-20T08:00:00Z,open\n',
      );
      await sftp.close(handle);
      sftp.drop();
      await until(async () =>
        (await gateway.uploads(tenant))[0]?.status === 'PROCESSING' ? true : undefined,
      );
      await gateway.database.pool.query('ALTER TABLE public.away RENAME TO org_shifts');
      assert.equal((await gateway.finished(tenant)).status, 'COMPLETED');
    });
  });

  describe('follows the enablement', () => {
    it('onRowError: fail loads nothing when one row is bad', async () => {
      const tenant = await gateway.tenant({ transformer: { onRowError: 'fail' } });
      const upload = await put(
        tenant,
        `${TRANSACTIONS_HEADER}\n${transactionLine(0)}\n${transactionLine(1).replace('USD', '?')}\n`,
      );
      assert.equal(upload.status, 'FAILED');
      assert.equal(upload.errors[0]?.code, 'ROWS_REJECTED');
      assert.equal(await rowCount(gateway, tenant.organizationId), 0);
    });

    it('onDuplicate: ignore keeps the row that was received first', async () => {
      const tenant = await gateway.tenant({ transformer: { onDuplicate: 'ignore' } });
      await put(tenant, transactionsCsv(2));
      const upload = await put(tenant, transactionsCsv(3).replaceAll('dine_in', 'other'));
      assert.deepEqual(upload.rows, { total: 3, loaded: 1, unchanged: 2, rejected: 0 });
    });

    it('onDuplicate: reject reports rows whose key is there already, with their cells', async () => {
      const tenant = await gateway.tenant({ transformer: { onDuplicate: 'reject' } });
      await put(tenant, transactionsCsv(2));
      const upload = await put(tenant, `${transactionsCsv(3)}${transactionLine(2)}\n`);
      assert.equal(upload.status, 'PARTIALLY_COMPLETED');
      assert.deepEqual(upload.rows, { total: 4, loaded: 1, unchanged: 0, rejected: 3 });
      assert.deepEqual(
        upload.errors.map((error) => [error.line, error.code]),
        [
          [2, 'DUPLICATE_ROW'],
          [3, 'DUPLICATE_ROW'],
          [5, 'DUPLICATE_ROW'],
        ],
      );
      assert.match(await report(upload), new RegExp(transactionLine(0)));
    });

    it('columns, constants and a time zone', async () => {
      const tenant = await gateway.tenant({
        schemaTypes: ['generic_transactions'],
        transformer: {
          columns: [
            { name: 'transaction_id', header: 'Beleg' },
            { name: 'currency', constant: 'EUR' },
          ],
          timeZone: 'Europe/Berlin',
          decimalSeparator: ',',
        },
      });
      const upload = await put(
        tenant,
        'Beleg,time,total\nB1,2026-07-01 12:00,"1234,50"\n',
        '/generic_transactions/b.csv',
      );
      assert.equal(upload.status, 'COMPLETED', JSON.stringify(upload.errors));
      const { rows } = await gateway.database.pool.query(
        `SELECT amount::text, currency, occurred_at FROM public.generic_transactions WHERE organization_id = $1`,
        [tenant.organizationId],
      );
      assert.deepEqual(rows, [
        { amount: '1234.5000', currency: 'EUR', occurred_at: new Date('2026-07-01T10:00:00Z') },
      ]);
    });
  });
});
