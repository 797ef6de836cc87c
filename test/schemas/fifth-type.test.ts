import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { startTestPipeline } from '../support/pipeline.ts';
import { type Ran, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';

const STOCK_COUNTS = `name: stockCounts
title: Stock counts
description: One row for each article that was counted.
fields:
  - name: count_id
    type: string
    description: Number of the count.
    example: C-1
    constraints: { required: true }
    piing: { aliases: [Count No] }
  - name: sku
    type: string
    description: The article.
    example: "0001"
    constraints: { required: true }
  - name: counted_at
    type: datetime
    description: When it was counted.
    example: "2026-02-20T18:00:00Z"
  - name: quantity
    type: number
    description: How many there were.
    example: "12.5"
    constraints: { required: true, minimum: 0 }
    piing: { sqlType: "numeric(12,3)" }
primaryKey: [count_id, sku]
piing:
  table: stock_counts
`;

describe('A fifth schema type', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let directory: string;
  let file: string;

  before(async () => {
    database = await emptyDatabase();
    directory = await temporaryDirectory('schemas');
    await cp('config/schemas', directory, { recursive: true });
    file = join(directory, 'stockCounts.yaml');
    await writeFile(file, STOCK_COUNTS);
  });
  after(() => database.close());

  const piing = (...args: string[]): Promise<Ran> =>
    run(process.execPath, ['src/main.ts', ...args], {
      env: { DATABASE_URL: database.url, PIING_SCHEMAS_DIR: directory, PIING_LOG_LEVEL: 'warn' },
    });

  const change = async (from: string, to: string) =>
    writeFile(file, (await readFile(file, 'utf8')).replace(from, to));

  it('is checked and shown before it is used', async () => {
    const checked = await piing('schemas', 'check', file);
    assert.equal(
      checked.stdout,
      `${file} is fine: stockCounts with 4 columns, key count_id, sku, table stock_counts.\n`,
    );
    assert.match(
      (await piing('schemas', 'list')).stdout,
      /stockCounts +stock_counts +4 +count_id, sku +Stock counts/,
    );
    assert.match(
      (await piing('schemas', 'show', 'stockCounts')).stdout,
      /quantity +numeric\(12,3\) +yes +12\.5 +How many/,
    );
    const json = JSON.parse((await piing('schemas', 'show', 'stockCounts', '--json')).stdout);
    assert.deepEqual(json.naturalKey, ['count_id', 'sku']);
  });

  it('that is wrong is refused with every problem by its line', async () => {
    const wrong = join(await temporaryDirectory('wrong'), 'stockCounts.yaml');
    await writeFile(
      wrong,
      STOCK_COUNTS.replace('type: datetime', 'type: time').replace('title: Stock counts\n', ''),
    );
    const ran = await piing('schemas', 'check', wrong);
    assert.equal(ran.code, 1);
    assert.equal(
      ran.stderr,
      'stockCounts.yaml:1: title: is missing.\n' +
        'stockCounts.yaml:16: fields[2].type: has to be one of string, integer, number, boolean, date, datetime, object.\n',
    );
  });

  it('is planned by a dry run, which changes nothing', async () => {
    const planned = await piing('migrate', '--dry-run');
    assert.match(planned.stdout, /^piing migrate would, in this order:\napply control\/0001_tenancy\.sql\n/);
    assert.match(planned.stdout, /\napply analytics\/0001_load_ledger\.sql\n/);
    assert.match(
      planned.stdout,
      /\ncreate table stock_counts with 4 columns, key organization_id, count_id, sku\n/,
    );
    const { rows } = await database.pool.query(
      `SELECT nspname FROM pg_namespace WHERE nspname = 'piing'
       UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
    );
    assert.deepEqual(rows, []);
  });

  it('gets its table by piing migrate, and its rows from a file, without a line of code', async () => {
    assert.match((await piing('migrate')).stdout, /create table stock_counts/);
    assert.equal(
      (await piing('migrate', '--dry-run')).stdout,
      'Nothing to do: both databases are up to date.\n',
    );
    const pipeline = await startTestPipeline({ database, catalogue: await loadCatalogue(directory) });
    const tenant = await pipeline.tenant(['stockCounts'], { timeZone: 'Europe/Berlin' });
    const content = 'Count No,SKU,Counted at,Quantity\nC-1,0001,2026-02-20 18:00,12.5\nC-1,0002,,-1\n';
    const upload = await pipeline.send({ tenant, schemaType: 'stockCounts', fileName: 'stock.csv', content });
    assert.deepEqual(
      [upload.status, upload.errors.map(({ message }) => message)],
      ['PARTIALLY_COMPLETED', ['"-1" in quantity is less than 0, the least that makes sense.']],
    );
    assert.deepEqual(
      await pipeline.rows(tenant, 'stock_counts', ['count_id', 'sku', 'counted_at', 'quantity']),
      [['C-1', '0001', '2026-02-20 17:00:00+00', '12.500']],
    );
  });

  it('is widened with its file', async () => {
    await change('numeric(12,3)', 'numeric(15,4)');
    await change(
      'primaryKey:',
      '  - { name: shelf, type: string, description: Where., example: A-3 }\nprimaryKey:',
    );
    const expected =
      'widen stock_counts.quantity from numeric(12,3) to numeric(15,4)\nadd column stock_counts.shelf text\n';
    assert.equal(
      (await piing('migrate', '--dry-run')).stdout,
      `piing migrate would, in this order:\n${expected}`,
    );
    assert.equal((await piing('migrate')).stdout, expected);
  });

  it('is never narrowed, and its key never changed: everything that speaks against it is told at once', async () => {
    await change('numeric(15,4)', 'numeric(10,2)');
    await change('primaryKey: [count_id, sku]', 'primaryKey: [sku, count_id]');
    for (const args of [['migrate', '--dry-run'], ['migrate']]) {
      const ran = await piing(...args);
      assert.equal(ran.code, 1);
      assert.deepEqual(ran.stderr.trim().split('\n'), [
        'The key of stock_counts is count_id, sku, and stockCounts.yaml wants sku, count_id. A key cannot change under the rows that are there: restore primaryKey, or make a new schema type with a table of its own.',
        'stock_counts.quantity is numeric(15,4), and stockCounts.yaml wants numeric(10,2), which does not hold every value that may be there. Restore the type in the file, or add a column under a new name.',
      ]);
    }
  });

  it('does not take a table that is not its own', async () => {
    await database.pool.query('CREATE TABLE public.visitors (id int)');
    await writeFile(file, STOCK_COUNTS.replace('table: stock_counts', 'table: visitors'));
    const ran = await piing('migrate');
    assert.equal(ran.code, 1);
    assert.match(
      ran.stderr,
      /^Table visitors is there already and was not made by piing migrate: it lacks organization_id, /,
    );
  });
});
