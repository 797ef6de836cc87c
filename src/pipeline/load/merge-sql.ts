import pg from 'pg';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';

const quote = pg.escapeIdentifier;
const STAGING = 'pg_temp.staging';

/** The statements of one load, in the order in which they run. All but the last two need no parameters. */
export interface MergeSql {
  readonly createStaging: string;
  readonly copy: string;
  /** Rows of the file whose key is already there, or further up in the file: `line`. $1 organization, $2 upload. */
  readonly findDuplicates: string;
  /** Keeps one row a key, then inserts and updates. $1 organization, $2 upload, $3 time of receipt. */
  readonly merge: string;
}

/** Composes the SQL that moves an upload's rows from a file into the schema type's table. */
export function composeMergeSql(schema: SchemaType, onDuplicate: TransformerSpec['onDuplicate']): MergeSql {
  const target = `public.${quote(schema.table)}`;
  const columns = schema.columns.map((column) => quote(column.name));
  const key = schema.naturalKey.map(quote);
  const data = columns.filter((column) => !key.includes(column));
  const definitions = schema.columns.map((column) => `${quote(column.name)} ${column.sqlType}`);
  const sameKey = ['t.organization_id = $1', ...key.map((column) => `t.${column} = i.${column}`)].join(
    ' AND ',
  );
  // Of two rows with one key the later line counts, or, where the first is to stay, the earlier one.
  const order = onDuplicate === 'update' ? 'DESC' : 'ASC';
  const incoming = `SELECT DISTINCT ON (${key.join(', ')}) * FROM ${STAGING} ORDER BY ${key.join(', ')}, _line ${order}`;
  const wins = winsOver(onDuplicate);
  const row = (alias: string) => `(${data.map((column) => `${alias}.${column}`).join(', ')})`;
  const identical = data.length === 0 ? 'true' : `ROW${row('t')} IS NOT DISTINCT FROM ROW${row('i')}`;
  const system = ['_upload_id', '_line', '_received_at'];
  const assignments = [...data, ...system].map((column) => `${column} = EXCLUDED.${column}`).join(', ');
  return {
    createStaging: `CREATE TEMP TABLE staging (_line bigint NOT NULL, ${definitions.join(', ')}) ON COMMIT DROP`,
    copy: `COPY ${STAGING} (_line, ${columns.join(', ')}) FROM STDIN`,
    findDuplicates: `
SELECT i._line AS line FROM ${STAGING} i
 WHERE EXISTS (SELECT FROM ${target} t WHERE ${sameKey} AND t._upload_id <> $2)
    OR EXISTS (SELECT FROM ${STAGING} e WHERE ${key.map((column) => `e.${column} = i.${column}`).join(' AND ')} AND e._line < i._line)
 ORDER BY i._line`,
    merge: `
WITH incoming AS (${incoming}),
same AS (
  SELECT count(*) AS rows FROM incoming i JOIN ${target} t ON ${sameKey}
   WHERE ${identical} AND ${wins('$3::timestamptz', '$2::uuid')}
), merged AS (
  INSERT INTO ${target} AS t (organization_id, ${columns.join(', ')}, ${system.join(', ')})
  SELECT $1, ${columns.join(', ')}, $2::uuid, _line, $3::timestamptz FROM incoming
  ON CONFLICT (organization_id, ${key.join(', ')}) DO UPDATE SET ${assignments}
   WHERE ${wins('EXCLUDED._received_at', 'EXCLUDED._upload_id')}
  RETURNING 1
)
SELECT (SELECT count(*) FROM ${STAGING})::int8 AS staged, (SELECT count(*) FROM merged)::int8 AS written,
       (SELECT rows FROM same)::int8 AS same`,
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
