import { join } from 'node:path';
import pg from 'pg';
import { migrateAll } from '../../src/commands/migrate-all.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { createPool, type Pool } from '../../src/database/pool.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { silentLogger } from './logger.ts';
import { freePort, stopAtEnd, temporaryDirectory } from './servers.ts';

const TEMPLATE = 'piing_template';

let cluster: Promise<EmbeddedPostgres> | undefined;
let template: Promise<void> | undefined;
let count = 0;

/** The one PostgreSQL of a test run; started at first use. fsync is off: no test here cuts the power. */
function testCluster(): Promise<EmbeddedPostgres> {
  cluster ??= startCluster();
  return cluster;
}

async function startCluster(): Promise<EmbeddedPostgres> {
  const directory = await temporaryDirectory('postgres');
  const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300'];
  const server = await startEmbeddedPostgres({
    directory: join(directory, 'pg'),
    port: await freePort(),
    settings,
  });
  stopAtEnd(() => server.stop());
  return server;
}

export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Runs a statement from another database of the same server, as its superuser. */
  administer(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** A database of a suite's own without any tables. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return create();
}

/** A database of a suite's own with everything that `piing migrate` makes, copied from a template. */
export async function migratedDatabase(): Promise<TestDatabase> {
  template ??= prepareTemplate();
  await template;
  return create(TEMPLATE);
}

async function prepareTemplate(): Promise<void> {
  const { url } = await testCluster();
  await administer(`CREATE DATABASE ${TEMPLATE}`);
  const own = withDatabase(url, TEMPLATE);
  await migrate(own);
}

async function create(from?: string): Promise<TestDatabase> {
  const { url } = await testCluster();
  const name = `piing_test_${process.pid}_${++count}`;
  await administer(`CREATE DATABASE ${name}${from ? ` TEMPLATE ${from}` : ''}`);
  const own = withDatabase(url, name);
  const pool = createPool({
    url: own,
    applicationName: 'piing-test',
    max: 10,
    statementTimeoutMs: 0,
    logger: silentLogger,
  });
  return {
    url: own,
    pool,
    administer,
    close: async () => {
      await pool.end();
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: (await testCluster()).url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** A pool on a database of the caller's own server, with everything that `piing migrate` makes; closed at the end. */
export async function migratedPool(url: string, options: PoolOptions): Promise<Pool> {
  const pool = poolOn(url, options);
  await migrate(url);
  return pool;
}

interface PoolOptions {
  readonly applicationName: string;
  readonly max: number;
}

/** A pool on a database of the caller's own server as it is; closed at the end. */
export function poolOn(url: string, options: PoolOptions): Pool {
  const pool = createPool({ url, ...options, statementTimeoutMs: 0, logger: silentLogger });
  stopAtEnd(() => pool.end());
  return pool;
}

/** What `piing migrate` does. */
async function migrate(url: string): Promise<void> {
  const catalogue = await loadCatalogue('config/schemas');
  await migrateAll({ databaseUrl: url, analyticsDatabaseUrl: url, catalogue });
}
