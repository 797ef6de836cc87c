import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { generateTransactions } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { enqueue } from '../support/jobs.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { createTenant } from '../support/tenants.ts';

const ROWS = 150_000;

describe('A worker that is killed in the middle of a file', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  const children: ChildProcess[] = [];

  before(async () => {
    database = await migratedDatabase();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await database.close();
  });

  it('is noticed within a minute, and another one loads every row once', async () => {
    const directory = await temporaryDirectory('raw');
    const { organizationId } = await createTenant(database.pool);
    const [id] = await enqueue(database.pool, { organization: organizationId, sizeBytes: 20 * 1024 * 1024 });
    assert.ok(id);
    const writer = createDirectoryStore(directory).create(`raw/${organizationId}/orgTransactions/${id}.csv`);
    for await (const chunk of generateTransactions(ROWS).bytes) await writer.write(chunk);
    await writer.complete();

    const first = startWorker(directory);
    await until(loading);
    first.kill('SIGKILL');
    const killed = Date.now();
    startWorker(directory);
    const ended = await until(async () => {
      const record = await findUpload(database.pool, id);
      return record?.status === 'COMPLETED' ? record : undefined;
    }, 120_000);

    assert.deepEqual(ended.rows, { total: ROWS, loaded: ROWS, unchanged: 0, rejected: 0 });
    const { rows } = await database.pool.query<{ rows: number }>(
      'SELECT count(*) AS rows FROM public.org_transactions WHERE organization_id = $1',
      [organizationId],
    );
    assert.equal(rows[0]?.rows, ROWS);
    const seconds = (Date.now() - killed) / 1_000;
    assert.ok(seconds < 90, `${seconds} s from the kill to COMPLETED`);
  });

  /** The first rows are on their way to the analytics database, and none is there. */
  async function loading(): Promise<true | undefined> {
    const copies = await database.pool.query(
      `SELECT FROM pg_stat_progress_copy WHERE datname = current_database() AND tuples_processed > 1000`,
    );
    return copies.rowCount ? true : undefined;
  }

  function startWorker(directory: string): ChildProcess {
    const child = spawn(process.execPath, ['src/main.ts', 'worker'], {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        PIING_RAW_STORE: directory,
        PIING_METRICS_PORT: '0',
        PIING_BIND_ADDRESS: '127.0.0.1',
        PIING_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    return child;
  }
});
