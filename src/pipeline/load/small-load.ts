import type { PoolClient } from '../../database/pool.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import { CopyRows } from '../encode/copy-rows.ts';
import { columnArrays } from './column-arrays.ts';
import type { LoadCounts, LoadSubject } from './ledger.ts';
import type { LoadSql } from './load-sql.ts';
import { settleConfirmations } from './repeats.ts';

/** Beyond this a COPY is faster than parameters. */
export const isSmallFile = (rows: number, bytes: number): boolean => rows <= 500 && bytes <= 256 * 1024;

/** Merges a small file and enters it into the ledger, in one statement and without a temporary table. */
export async function mergeSmall(
  client: PoolClient,
  sql: LoadSql,
  schema: SchemaType,
  subject: LoadSubject,
  batches: readonly CopyRows[],
  prefixBytes: number,
): Promise<LoadCounts> {
  const { organizationId, uploadId, receivedAt, schemaType } = subject;
  const rows = joinRows(batches);
  const every = Array.from({ length: rows.count }, (_, row) => row);
  const types = schema.columns.map(({ type }) => type);
  const arrays = columnArrays(rows, every, types, prefixBytes);
  const values = [organizationId, uploadId, receivedAt, schemaType, ...arrays];
  const merge = async () => (await client.query<LoadCounts>(sql.mergeArrays, values)).rows[0];
  const counts = await merge();
  if (counts) return counts;
  await settleConfirmations(client, sql, subject);
  const settled = await merge();
  if (!settled) throw new Error(`The merge of upload ${uploadId} returned no counts.`);
  return settled;
}

function joinRows(batches: readonly CopyRows[]): CopyRows {
  const [only] = batches;
  if (only && batches.length === 1) return only;
  const all = new CopyRows(batches.reduce((bytes, { at }) => bytes + at, 0));
  for (const batch of batches) {
    for (let row = 0; row < batch.count; row += 1) {
      all.copy(batch.bytes, batch.startOf(row), batch.endOf(row));
      all.endRow(batch.hashes[2 * row] as number, batch.hashes[2 * row + 1] as number);
    }
  }
  return all;
}
