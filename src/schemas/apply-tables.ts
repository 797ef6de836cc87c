import type { Catalogue } from './catalogue.ts';
import { type ExistingColumn, planTable } from './table-ddl.ts';

/** The part of a database client that this needs. */
interface Client {
  query<Row>(sql: string, values?: unknown[]): Promise<{ readonly rows: Row[] }>;
}

const EXISTING_COLUMNS = `
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS "sqlType", NOT a.attnotnull AS nullable
  FROM pg_attribute a
 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`;

/**
 * Creates or widens the table of every schema type, each in a transaction; returns a line for each change.
 * @throws {SchemaChangeError} when a table would have to lose something.
 */
export async function applyTables(client: Client, catalogue: Catalogue): Promise<string[]> {
  const done: string[] = [];
  for (const schema of catalogue.types) {
    const existing = await client.query<ExistingColumn>(EXISTING_COLUMNS, [`public.${schema.table}`]);
    const statements = planTable(schema, existing.rows);
    if (statements.length === 0) continue;
    await client.query('BEGIN');
    try {
      for (const statement of statements) await client.query(statement);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
    done.push(`${existing.rows.length === 0 ? 'created' : 'changed'} table ${schema.table}`);
  }
  return done;
}
