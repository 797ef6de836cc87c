import pg from 'pg';
import type { Logger } from '../telemetry/logger.ts';

export type { Pool, PoolClient } from 'pg';

/** What a query needs: a pool, or one client inside a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>;

// numeric and int8 arrive as text by default; counts and sizes fit a number.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface PoolOptions {
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly max: number;
  /** Milliseconds after which the server ends a statement; 0: never. */
  readonly statementTimeoutMs: number;
  /** Milliseconds after which the server ends a session that leaves a transaction open; default: never. */
  readonly idleTransactionTimeoutMs?: number;
  readonly logger: Logger;
}

export function createPool(options: PoolOptions): pg.Pool {
  const { url, applicationName, max, statementTimeoutMs, idleTransactionTimeoutMs, logger } = options;
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max,
    statement_timeout: statementTimeoutMs,
    ...(idleTransactionTimeoutMs === undefined
      ? {}
      : { idle_in_transaction_session_timeout: idleTransactionTimeoutMs }),
    // A door that cannot reach the database has to say so while the client still waits.
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // Without a listener a broken idle connection ends the process; the pool replaces it by itself. Not the whole error:
  // the pool hangs the connection on it, with the key by which anybody may cancel what it runs.
  pool.on('error', ({ message }) => logger.warn({ reason: message }, 'idle database connection lost'));
  return pool;
}

/** Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that dies while checked out emits `error` on the client, beside the failing query.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.removeListener('error', onError);
    client.release(broken ?? false);
  }
}

/**
 * SQLSTATE classes that another attempt may cure: connection, resources, operator intervention, serialization, a
 * standby (25006), a database closed to connections (55000).
 */
const TRANSIENT_SQLSTATE = /^(08|53|57|40|25006|55000|XX000)/;

/** True for faults of the database or the way to it, false for faults in what was asked of it. */
export function isTransientDatabaseError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return TRANSIENT_SQLSTATE.test(code) || /^E[A-Z]+$/.test(code);
  return /connection|timeout|terminated/i.test(error.message);
}
