import type { PoolClient } from '../../database/pool.ts';
import type { CopyRows } from '../encode/copy-rows.ts';
import { BinaryCopy } from './binary-copy.ts';
import { KeySet } from './key-set.ts';
import type { LoadCounts, LoadSubject } from './ledger.ts';
import type { LoadSql } from './load-sql.ts';
import type { Reading } from './reading.ts';
import { isUniqueViolation } from './unique-violation.ts';

/** Rows that repeat a key within the file wait in memory. A file with more of them is staged. */
const MAX_REPEAT_BYTES = 8 * 1024 * 1024;

/**
 * Copies a file straight into the table, as if none of its keys were there: half the work of a merge. Undefined when
 * one is, or the file repeats too many: then nothing has been done, and the file has to be staged.
 * The caller holds the table's lock, so that no key can come in between.
 */
export async function loadDirectly(
  client: PoolClient,
  sql: LoadSql,
  subject: LoadSubject,
  reading: Reading,
  options: { readonly repeats: boolean },
): Promise<LoadCounts | undefined> {
  await client.query('SAVEPOINT direct');
  const repeats = new Repeats(options.repeats ? MAX_REPEAT_BYTES : 0);
  const copied = await copyNewKeys(client, sql, reading, repeats);
  const fresh = copied === undefined ? undefined : await addRepeats(client, sql, subject, repeats);
  if (copied !== undefined && fresh !== undefined)
    return { loaded: copied + fresh, unchanged: repeats.count - fresh };
  await client.query('ROLLBACK TO SAVEPOINT direct');
  return undefined;
}

/** Rows whose key an earlier row of the file may have. */
class Repeats {
  readonly rows: Buffer[] = [];
  count = 0;
  #bytes = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** False when there is no room for it. */
  add(row: Buffer): boolean {
    this.#bytes += row.length;
    if (this.#bytes > this.#most) return false;
    this.rows.push(Buffer.from(row));
    this.count += 1;
    return true;
  }
}

/** Copies the first row of each key; returns how many. */
async function copyNewKeys(
  client: PoolClient,
  sql: LoadSql,
  reading: Reading,
  repeats: Repeats,
): Promise<number | undefined> {
  const copy = new BinaryCopy(client, sql.copyDirectly);
  const keys = new KeySet();
  try {
    for (let rows = await reading.next(); rows; rows = await reading.next()) {
      if (await writeNewKeys(copy, rows, keys, repeats)) continue;
      await copy.abort();
      return undefined;
    }
    return await copy.end();
  } catch (error) {
    await copy.abort();
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

async function writeNewKeys(
  copy: BinaryCopy,
  rows: CopyRows,
  keys: KeySet,
  repeats: Repeats,
): Promise<boolean> {
  let from = 0;
  for (let row = 0; row < rows.count; row += 1) {
    if (keys.add(rows, row)) continue;
    const start = rows.startOf(row);
    if (!repeats.add(rows.bytes.subarray(start, rows.endOf(row)))) return false;
    await copy.write(rows.bytes.subarray(from, start));
    from = rows.endOf(row);
  }
  await copy.write(rows.bytes.subarray(from, rows.at));
  return true;
}

/** Returns how many of the repeats were none; undefined when one meets a row of another upload. */
async function addRepeats(
  client: PoolClient,
  sql: LoadSql,
  { uploadId, organizationId }: LoadSubject,
  repeats: Repeats,
): Promise<number | undefined> {
  if (repeats.count === 0) return 0;
  await client.query(sql.createStaging);
  const copy = new BinaryCopy(client, sql.copyToStaging);
  try {
    for (const row of repeats.rows) await copy.write(row);
    await copy.end();
  } catch (error) {
    await copy.abort();
    throw error;
  }
  const {
    rows: [taken],
  } = await client.query<{ taken: boolean }>(sql.isTaken, [organizationId, uploadId]);
  if (taken?.taken !== false) return undefined;
  const {
    rows: [added],
  } = await client.query<{ fresh: number }>(sql.addRepeats);
  return added?.fresh ?? 0;
}
