import { createPool } from '../../src/database/pool.ts';
import type { TestDatabase } from './database.ts';
import { startConsumer } from './jobs.ts';
import { silentLogger } from './logger.ts';

/** Takes a job and never ends it: started as a process, to be killed. */
const [, , url = ''] = process.argv;
const pool = createPool({
  url,
  applicationName: 'stuck-worker',
  max: 3,
  statementTimeoutMs: 0,
  logger: silentLogger,
});
startConsumer({ url, pool } as TestDatabase, () => new Promise(() => undefined));
process.send?.('started');
