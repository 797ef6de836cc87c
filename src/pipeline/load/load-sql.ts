import pg from 'pg';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';

const quote = pg.escapeIdentifier;
const STAGING = 'pg_temp.staging';
/** By this upload or by one received later. $1 the organization, $2 the upload, $3 the receipt, $4 the schema type. */
const LATER_CONFIRMATION = `c.organization_id = $1 AND c.schema_type = $4
     AND (c.received_at, c.confirmed_by) >= ($3::timestamptz, $2::uuid)`;

/** The statements of one load. $1 is the organization, $2 the upload, $3 the time of receipt, where they are used. */
export interface LoadSql {
  /** COPY into the table itself; fails with 23505 at a key that is there. */
  readonly copyDirectly: string;
  readonly createStaging: string;
  readonly copyToStaging: string;
  readonly analyzeStaging: string;
  /** Leaves one row of each key in staging. */
  readonly removeRepeats: string;
  /** True when a staged key belongs to a row of another upload. */
  readonly isTaken: string;
  /** Adds staged rows behind those of the same upload that are in the table already. Returns `fresh`: new keys. */
  readonly addRepeats: string;
  /** Staged rows whose key is already there, or further up in the file: `line`. */
  readonly findDuplicates: string;
  readonly removeLines: string;
  /** Removes rows that staged ones take the place of. Returns how many were `removed`, and of them the `same`. */
  readonly removeReplaced: string;
  /** Inserts what is staged; fails with 23505 at a key that is there. */
  readonly insertStaged: string;
  /** Inserts what is staged and has no row in the table, at twice the cost. */
  readonly insertMissing: string;
  /** The upload that the first staged row belongs to in the table: `owner`. */
  readonly findOwner: string;
  /** How many rows in the table are of the upload $4, `owned`, and how many of these are staged as they are, `same`. */
  readonly compareStaged: string;
  /** Puts confirmations by this upload, and by those received later, into the rows; $4 the schema type. */
  readonly settleConfirmations: string;
  /**
   * A small file in one statement, with its ledger entry; $4 the schema type, $5 lines, then a column each. Does
   * nothing and returns no row while a confirmation by a later upload waits.
   */
  readonly mergeArrays: string;
  /** True when one of the keys is there; $2 and on, the arrays of its columns. */
  readonly findKeys: string;
}

/** Composes the SQL that moves an upload's rows from a file into the schema type's table. */
export function composeLoadSql(schema: SchemaType, onDuplicate: TransformerSpec['onDuplicate']): LoadSql {
  const target = `public.${quote(schema.table)}`;
  const columns = schema.columns.map((column) => quote(column.name));
  const key = schema.naturalKey.map(quote);
  const data = columns.filter((column) => !key.includes(column));
  const all = ['organization_id', '_upload_id', '_received_at', '_line', ...columns].join(', ');
  const definitions = schema.columns.map((column) => `${quote(column.name)} ${column.sqlType}`);
  const same = (a: string, b: string) => key.map((column) => `${a}.${column} = ${b}.${column}`).join(' AND ');
  const sameKey = `t.organization_id = $1 AND ${same('t', 'i')}`;
  // Of two rows with one key the later line counts, or, where the first is to stay, the earlier one.
  const order = onDuplicate === 'update' ? 'DESC' : 'ASC';
  const wins = winsOver(onDuplicate);
  const row = (alias: string) => `ROW(${data.map((column) => `${alias}.${column}`).join(', ')})`;
  const identical = data.length === 0 ? 'true' : `${row('t')} IS NOT DISTINCT FROM ${row('i')}`;
  const assignments = [...data, '_upload_id', '_line', '_received_at']
    .map((column) => `${column} = EXCLUDED.${column}`)
    .join(', ');
  const conflict = `ON CONFLICT (organization_id, ${key.join(', ')})`;
  const arrays = schema.columns.map((column, index) => `$${index + 6}::${column.sqlType}[]`);
  const keyTypes = schema.naturalKey.map(
    (name) => schema.columns.find((column) => column.name === name)?.sqlType ?? 'text',
  );
  const distinct = (from: string) =>
    `SELECT DISTINCT ON (${key.join(', ')}) * FROM ${from} ORDER BY ${key.join(', ')}, _line ${order}`;
  return {
    copyDirectly: `COPY ${target} (${all}) FROM STDIN (FORMAT binary)`,
    createStaging: `
CREATE TEMP TABLE staging (organization_id text, _upload_id uuid, _received_at timestamptz, _line bigint,
  ${definitions.join(', ')}) ON COMMIT DROP`,
    copyToStaging: `COPY ${STAGING} (${all}) FROM STDIN (FORMAT binary)`,
    analyzeStaging: `ANALYZE ${STAGING} (${key.join(', ')})`,
    removeRepeats: `
DELETE FROM ${STAGING} s USING (
  SELECT ctid, row_number() OVER (PARTITION BY ${key.join(', ')} ORDER BY _line ${order}) AS place FROM ${STAGING}
) ranked WHERE s.ctid = ranked.ctid AND ranked.place > 1`,
    isTaken: `SELECT EXISTS (SELECT FROM ${STAGING} i JOIN ${target} t ON ${sameKey} WHERE t._upload_id <> $2) AS taken`,
    addRepeats: `
WITH added AS (
  INSERT INTO ${target} AS t (${all}) SELECT ${all} FROM (${distinct(STAGING)}) i
  ${conflict} ${onDuplicate === 'update' ? `DO UPDATE SET ${assignments}` : 'DO NOTHING'}
  RETURNING (xmax = 0) AS fresh
) SELECT count(*) FILTER (WHERE fresh) AS fresh FROM added`,
    findDuplicates: `
SELECT i._line AS line FROM ${STAGING} i
 WHERE EXISTS (SELECT FROM ${target} t WHERE ${sameKey} AND t._upload_id <> $2)
    OR EXISTS (SELECT FROM ${STAGING} e WHERE ${same('e', 'i')} AND e._line < i._line)
 ORDER BY i._line`,
    removeLines: `DELETE FROM ${STAGING} WHERE _line = ANY($1::bigint[])`,
    removeReplaced: `
WITH gone AS (
  DELETE FROM ${target} t USING ${STAGING} i WHERE ${sameKey} AND ${wins('$3::timestamptz', '$2::uuid')}
  RETURNING ${identical} AS same
) SELECT count(*) AS removed, count(*) FILTER (WHERE same) AS same FROM gone`,
    insertStaged: `INSERT INTO ${target} (${all}) SELECT ${all} FROM ${STAGING}`,
    insertMissing: `INSERT INTO ${target} (${all}) SELECT ${all} FROM ${STAGING} ${conflict} DO NOTHING`,
    findOwner: `
SELECT t._upload_id AS owner FROM (SELECT * FROM ${STAGING} LIMIT 1) i JOIN ${target} t ON ${sameKey}`,
    compareStaged: `
SELECT count(*) AS owned, count(i._line) AS same FROM ${target} t LEFT JOIN ${STAGING} i
    ON ${same('t', 'i')} AND t._line = i._line AND ${identical} AND ${wins('$3::timestamptz', '$2::uuid')}
 WHERE t.organization_id = $1 AND t._upload_id = $4`,
    settleConfirmations: `
WITH due AS (
  DELETE FROM public.load_confirmations c WHERE ${LATER_CONFIRMATION} RETURNING upload_id, confirmed_by, received_at
) UPDATE ${target} t SET _upload_id = due.confirmed_by, _received_at = due.received_at
    FROM due WHERE t.organization_id = $1 AND t._upload_id = due.upload_id`,
    mergeArrays: `
WITH done AS (
  SELECT rows_loaded, rows_unchanged FROM public.load_ledger WHERE organization_id = $1 AND upload_id = $2
), later AS (
  SELECT FROM public.load_confirmations c WHERE ${LATER_CONFIRMATION}
), given AS (
  SELECT * FROM unnest($5::bigint[], ${arrays.join(', ')}) AS g(_line, ${columns.join(', ')})
   WHERE NOT EXISTS (SELECT FROM done) AND NOT EXISTS (SELECT FROM later)
), incoming AS (${distinct('given')}
), same AS (
  SELECT count(*) AS rows FROM incoming i JOIN ${target} t ON ${sameKey}
   WHERE ${identical} AND ${wins('$3::timestamptz', '$2::uuid')}
), merged AS (
  INSERT INTO ${target} AS t (${all})
  SELECT $1, $2::uuid, $3::timestamptz, _line, ${columns.join(', ')} FROM incoming
  ${conflict} DO UPDATE SET ${assignments} WHERE ${wins('EXCLUDED._received_at', 'EXCLUDED._upload_id')}
  RETURNING 1
), counts AS (
  SELECT written - rows AS loaded, given_rows - (written - rows) AS unchanged FROM same,
         (SELECT count(*) AS written FROM merged) AS w, (SELECT count(*) AS given_rows FROM given) AS g
), entered AS (
  INSERT INTO public.load_ledger (organization_id, upload_id, schema_type, received_at, rows_loaded, rows_unchanged)
  SELECT $1, $2, $4, $3::timestamptz, loaded, unchanged FROM counts
   WHERE NOT EXISTS (SELECT FROM done) AND NOT EXISTS (SELECT FROM later)
)
SELECT rows_loaded AS loaded, rows_unchanged AS unchanged FROM done
UNION ALL SELECT loaded, unchanged FROM counts
 WHERE NOT EXISTS (SELECT FROM done) AND NOT EXISTS (SELECT FROM later)`,
    // A subquery for each key, because the planner would rather read the whole table than look up 200 keys.
    findKeys: `
SELECT bool_or((SELECT true FROM ${target} t WHERE ${sameKey} LIMIT 1)) AS found
  FROM unnest(${keyTypes.map((type, index) => `$${index + 2}::${type}[]`).join(', ')}) AS i(${key.join(', ')})`,
  };
}

/**
 * When the row that comes may take the place of the row `t` that is there. It depends on when the two files
 * were received and never on when they are processed, so every order of workers and retries ends alike.
 * The upload id decides between files received in the same microsecond.
 */
function winsOver(onDuplicate: TransformerSpec['onDuplicate']) {
  const operator = onDuplicate === 'update' ? '<=' : '>=';
  return (receivedAt: string, uploadId: string) =>
    `(t._received_at, t._upload_id) ${operator} (${receivedAt}, ${uploadId})`;
}
