import type { Catalogue } from './catalogue.ts';
import { type ExistingColumn, planTable, type TableChange } from './table-ddl.ts';

/** The part of a database client that this needs. */
interface Client {
  query<Row>(sql: string, values?: unknown[]): Promise<{ readonly rows: Row[] }>;
}

/** Tables would have to lose something. The message has a line for each reason, and nothing was changed. */
class SchemaChangeError extends Error {
  override readonly name = 'SchemaChangeError';
}

const EXISTING_COLUMNS = `
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS "sqlType", NOT a.attnotnull AS nullable,
       array_position(i.indkey::int2[], a.attnum) + 1 AS "keyPosition"
  FROM pg_attribute a
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`;

/**
 * What would bring the table of every schema type to what its file says. Changes nothing.
 * @throws {SchemaChangeError} with every reason why tables cannot follow
 */
export async function planTables(client: Client, catalogue: Catalogue): Promise<TableChange[]> {
  const changes: TableChange[] = [];
  const refusals: string[] = [];
  for (const schema of catalogue.types) {
    const name = `public."${schema.table}"`;
    const existing = await client.query<ExistingColumn>(EXISTING_COLUMNS, [name]);
    const plan = planTable(schema, existing.rows);
    changes.push(...plan.changes);
    refusals.push(...plan.refusals);
  }
  if (refusals.length > 0) throw new SchemaChangeError(refusals.join('\n'));
  return changes;
}

/**
 * Creates and widens tables, all or none; returns a line for each change.
 * @throws {SchemaChangeError} before anything is changed
 */
export async function applyTables(client: Client, catalogue: Catalogue): Promise<string[]> {
  const changes = await planTables(client, catalogue);
  if (changes.length === 0) return [];
  await client.query('BEGIN');
  try {
    for (const statement of changes.flatMap(({ sql }) => sql)) await client.query(statement);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
  return changes.map(({ description }) => description);
}
