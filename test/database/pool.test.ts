import assert from 'node:assert/strict';
import { createPool, type Pool } from '../../src/database/pool.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { RecordingLogger } from '../support/logger.ts';
import { until } from '../support/until.ts';

describe('A pool of database connections', () => {
  const log = new RecordingLogger();
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await emptyDatabase();
    pool = createPool({
      ...{ url: database.url, applicationName: 'pool-test', max: 2, statementTimeoutMs: 0 },
      logger: log.logger,
    });
  });
  after(async () => {
    await pool.end();
    await database.close();
  });

  it('logs why it lost an idle one, and nothing of what the connection knows', async () => {
    await pool.query('SELECT 1');
    await database.administer(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pool-test'",
    );
    const line = await until(async () => log.find(({ msg }) => msg === 'idle database connection lost'));
    const { level, time, pid, hostname, ...said } = line;
    assert.deepEqual(said, {
      reason: 'terminating connection due to administrator command',
      msg: 'idle database connection lost',
    });
  });

  it('goes on with a new one', async () => {
    const { rows } = await pool.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
  });
});
