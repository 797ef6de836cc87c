import type { PoolClient } from '../../database/pool.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { CopyRows } from '../encode/copy-rows.ts';
import { columnArrays } from './column-arrays.ts';
import type { LoadSubject } from './ledger.ts';
import type { LoadSql } from './load-sql.ts';

const SAMPLES = 200;

/** Looks whether any of a few of these rows has a key that is in the table. */
export async function findsKnownKey(
  client: PoolClient,
  sql: LoadSql,
  schema: SchemaType,
  { organizationId }: LoadSubject,
  batches: readonly CopyRows[],
  prefixBytes: number,
): Promise<boolean> {
  const rows = batches.find(({ count }) => count > 0);
  if (!rows) return false;
  const step = Math.max(1, Math.floor(rows.count / SAMPLES));
  const chosen: number[] = [];
  for (let row = 0; row < rows.count; row += step) chosen.push(row);
  const types = schema.columns.map(({ type }) => type);
  const arrays = columnArrays(rows, chosen, types, prefixBytes);
  const keys = schema.naturalKey.map(
    (name) => arrays[1 + schema.columns.findIndex((column) => column.name === name)],
  );
  const found = await client.query<{ found: boolean }>(sql.findKeys, [organizationId, ...keys]);
  return found.rows[0]?.found === true;
}
