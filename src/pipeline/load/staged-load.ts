import type { PoolClient } from '../../database/pool.ts';
import { BinaryCopy } from './binary-copy.ts';
import { KeySet } from './key-set.ts';
import type { LoadCounts, LoadSubject } from './ledger.ts';
import type { LoadSql } from './load-sql.ts';
import type { Reading } from './reading.ts';
import { isUniqueViolation } from './unique-violation.ts';

/** Copies a file into a temporary table. Returns how many rows there are. */
export async function stageRows(client: PoolClient, sql: LoadSql, reading: Reading): Promise<Staged> {
  await client.query(sql.createStaging);
  const copy = new BinaryCopy(client, sql.copyToStaging);
  const keys = new KeySet();
  let unique = true;
  try {
    for (let rows = await reading.next(); rows; rows = await reading.next()) {
      for (let row = 0; unique && row < rows.count; row += 1) unique = keys.add(rows, row);
      await copy.write(rows.bytes.subarray(0, rows.at));
    }
    return { rows: await copy.end(), unique };
  } catch (error) {
    await copy.abort();
    throw error;
  }
}

interface Staged {
  readonly rows: number;
  /** No key is there twice. */
  readonly unique: boolean;
}

// The joins with 700,000 rows would go through files on the disk. Never less than the database gives by itself.
const GIVE_MEMORY = `
SELECT set_config('work_mem', '64MB', true) WHERE pg_size_bytes(current_setting('work_mem')) < 64 * 1024 * 1024`;

/** Makes what is staged ready to be joined with the table: one row of each key, statistics, and memory. */
export async function prepareMerge(client: PoolClient, sql: LoadSql, { unique }: Staged): Promise<void> {
  await client.query(GIVE_MEMORY);
  if (!unique) await client.query(sql.removeRepeats);
  await client.query(sql.analyzeStaging);
}

/**
 * Moves what is staged and prepared into the table: what has to give way goes, then everything without a row there comes. That
 * is faster than INSERT … ON CONFLICT DO UPDATE, which locks and looks at each row in turn, and tells what was the same.
 * @param expectRest some rows that are there are expected to stay
 */
export async function mergeStaged(
  client: PoolClient,
  sql: LoadSql,
  { organizationId, uploadId, receivedAt }: LoadSubject,
  staged: Staged,
  expectRest: boolean,
): Promise<LoadCounts> {
  const replaced = await client.query<{ same: number }>(sql.removeReplaced, [
    organizationId,
    uploadId,
    receivedAt,
  ]);
  const inserted =
    (expectRest ? undefined : await insertAll(client, sql)) ?? (await client.query(sql.insertMissing));
  const loaded = (inserted.rowCount ?? 0) - (replaced.rows[0]?.same ?? 0);
  return { loaded, unchanged: staged.rows - loaded };
}

/** Undefined when a row that is there has to stay: a file received later was faster. */
async function insertAll(client: PoolClient, sql: LoadSql): Promise<{ rowCount: number | null } | undefined> {
  await client.query('SAVEPOINT merge');
  try {
    return await client.query(sql.insertStaged);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT merge');
    return undefined;
  }
}
