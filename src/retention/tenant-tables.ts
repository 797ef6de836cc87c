import type { Queryable } from '../database/pool.ts';
import type { OrganizationId } from '../support/ids.ts';

/** Rows that one statement deletes: locks and WAL of well under a second. */
const PIECE_ROWS = 5_000;

// Plain tables and the partitions of others; the columns tell ours from what else may lie in the same schema.
const FIND_TABLES = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r'
   AND $2::text[] <@ ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
 ORDER BY 1`;

const LEDGERS = ['public.load_confirmations', 'public.load_ledger'];

/** Every table of tenants' rows, also of schema types that are no longer in the catalogue; the ledgers last. */
export async function tenantTables(analytics: Queryable): Promise<string[]> {
  const columns = ['organization_id', '_upload_id', '_line', '_received_at'];
  const found = await analytics.query<{ name: string }>(FIND_TABLES, ['public', columns]);
  return [...found.rows.map(({ name }) => name), ...LEDGERS];
}

/** Every table of a schema that says of its rows which organization they are of, referring tables first. */
export async function tablesOf(db: Queryable, schema: string): Promise<string[]> {
  const found = await db.query<{ name: string }>(FIND_TABLES, [schema, ['organization_id']]);
  const references = await db.query<{ from: string; to: string }>(
    `SELECT format('%I.%I', fn.nspname, f.relname) AS "from", format('%I.%I', tn.nspname, t.relname) AS "to"
       FROM pg_constraint k
       JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
       JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
      WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND fn.nspname = $1`,
    [schema],
  );
  const names = new Set(found.rows.map(({ name }) => name));
  const ordered: string[] = [];
  const place = (name: string) => {
    if (!names.delete(name)) return;
    for (const { from, to } of references.rows) if (to === name) place(from);
    ordered.push(name);
  };
  for (const { name } of found.rows) place(name);
  return ordered;
}

/** Deletes an organization's rows in pieces. `table`: quoted, from this module's own lists. */
export async function eraseRows(db: Queryable, table: string, id: OrganizationId): Promise<number> {
  const sql = `
DELETE FROM ${table} WHERE organization_id = $1
   AND ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE organization_id = $1 LIMIT $2))`;
  // Each upload takes up to a thousand errors with it.
  const piece = table === 'piing.uploads' ? PIECE_ROWS / 50 : PIECE_ROWS;
  let erased = 0;
  for (;;) {
    const rows = (await db.query(sql, [id, piece])).rowCount ?? 0;
    erased += rows;
    if (rows < piece) return erased;
  }
}
