import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { StartupError } from '../support/listen.ts';
import { isTransientDatabaseError, type Queryable } from './pool.ts';

/** One of the numbered files, for the control or the analytics database. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

interface PendingMigration extends Migration {
  readonly sha256: string;
}

export type MigrationSet = 'control' | 'analytics';

/** Any number that no other user of the database is likely to lock; two pods that migrate take turns. */
const LOCK_ID = 7_409_283_651;

const CREATE_HISTORY = `
CREATE SCHEMA IF NOT EXISTS piing;
CREATE TABLE IF NOT EXISTS piing.schema_migrations (
  name text PRIMARY KEY,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

export async function readMigrations(set: MigrationSet): Promise<Migration[]> {
  const directory = join(import.meta.dirname, 'migrations', set);
  const names = (await readdir(directory)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: `${set}/${name}`,
      sql: await readFile(join(directory, name), 'utf8'),
    })),
  );
}

/**
 * Runs `work` while holding the migration lock of a database, on one connection.
 * A second process waits here until the first is done, and then finds nothing left to do.
 */
export async function withMigrationLock<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'piing-migrate',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_ID]);
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * What is missing, in order. Changes nothing, and works on a database that has never been migrated.
 * @throws {StartupError} when an applied file has been changed since: write a new one instead.
 */
export async function pendingMigrations(
  client: Queryable,
  migrations: readonly Migration[],
): Promise<PendingMigration[]> {
  const exists = await client.query(
    "SELECT FROM pg_class WHERE oid = to_regclass('piing.schema_migrations')",
  );
  const history =
    exists.rowCount === 0
      ? []
      : (await client.query<PendingMigration>('SELECT name, sha256 FROM piing.schema_migrations')).rows;
  const applied = new Map(history.map((row) => [row.name, row.sha256]));
  const hashed = migrations.map(({ name, sql }) => {
    const sha256 = createHash('sha256').update(sql).digest('hex');
    return { name, sql, sha256 };
  });
  const changed = hashed.find(({ name, sha256 }) => (applied.get(name) ?? sha256) !== sha256);
  if (changed) {
    throw new StartupError(
      `Migration ${changed.name} was changed after it had been applied. Restore it and add a new file instead.`,
    );
  }
  return hashed.filter(({ name }) => !applied.has(name));
}

/**
 * For whoever is about to use a database: this version on older tables would fail file by file. One that does not
 * answer says nothing of its tables.
 * @throws {StartupError} when a migration of this version is missing, with its name
 */
export async function expectMigrated(db: Queryable, set: MigrationSet): Promise<void> {
  const pending = await pendingMigrations(db, await readMigrations(set)).catch((error: unknown) => {
    if (isTransientDatabaseError(error)) return [];
    throw error;
  });
  const [missing] = pending;
  if (!missing) return;
  throw new StartupError(
    `The ${set} database is older than this version: it lacks ${missing.name}. Run "piing migrate" of this version first; what runs already may go on meanwhile.`,
  );
}

/**
 * Applies what is missing, each file in a transaction of its own, and returns the names of what it applied.
 * @throws {StartupError} as {@link pendingMigrations} does
 */
export async function applyMigrations(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<string[]> {
  await client.query(CREATE_HISTORY);
  const pending = await pendingMigrations(client, migrations);
  for (const { name, sql, sha256 } of pending) {
    await client.query('BEGIN');
    try {
      await client.query(sql);
      await client.query('INSERT INTO piing.schema_migrations (name, sha256) VALUES ($1, $2)', [
        name,
        sha256,
      ]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw new Error(`Migration ${name} failed: ${(error as Error).message}`, { cause: error });
    }
  }
  return pending.map(({ name }) => name);
}

/** Looks at a database without being able to change it. */
export async function withReadOnly<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'piing-migrate-plan',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('BEGIN READ ONLY');
    return await work(client);
  } finally {
    await client.end();
  }
}
