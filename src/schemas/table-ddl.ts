import type { Column, SchemaType } from './schema-type.ts';

/** A column that the table has now. */
export interface ExistingColumn {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly sqlType: string;
  readonly nullable: boolean;
  /** Position in the primary key, from 1; null: not part of it. */
  readonly keyPosition: number | null;
}

/** One thing that is done to a table, and how people are told of it. */
export interface TableChange {
  readonly description: string;
  readonly sql: readonly string[];
}

/** What a table needs: to be changed, or to be left alone because it would have to lose something. */
export interface TablePlan {
  readonly changes: readonly TableChange[];
  /** Sentences that name the table, the column and the way out. When there are any, nothing is changed. */
  readonly refusals: readonly string[];
}

const quote = (identifier: string) => `"${identifier}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** What every row carries beside its data. */
const SYSTEM_COLUMNS = [
  { name: '_upload_id', sqlType: 'uuid' },
  { name: '_line', sqlType: 'bigint' },
  { name: '_received_at', sqlType: 'timestamptz' },
];

/**
 * What brings a schema type's table to what its file says; no change when it is there already.
 * Tables are created and widened, never dropped or narrowed.
 */
export function planTable(schema: SchemaType, existing: readonly ExistingColumn[]): TablePlan {
  return existing.length === 0
    ? { changes: [createTable(schema)], refusals: [] }
    : { changes: widenTable(schema, existing), refusals: [...refusals(schema, existing)] };
}

function createTable(schema: SchemaType): TableChange {
  const table = `public.${quote(schema.table)}`;
  // Keys compare as bytes: faster than a language's collation, and the same on every machine.
  const columns = schema.columns.map((column) => {
    const collation =
      schema.naturalKey.includes(column.name) && column.sqlType === 'text' ? ' COLLATE "C"' : '';
    return `${quote(column.name)} ${column.sqlType}${collation}${column.required ? ' NOT NULL' : ''}`;
  });
  const key = ['organization_id', ...schema.naturalKey];
  const definitions = [
    'organization_id text COLLATE "C" NOT NULL',
    ...columns,
    ...SYSTEM_COLUMNS.map(({ name, sqlType }) => `${name} ${sqlType} NOT NULL`),
    `PRIMARY KEY (${key.map(quote).join(', ')})`,
  ];
  return {
    description: `create table ${schema.table} with ${columns.length} columns, key ${key.join(', ')}`,
    sql: [
      `CREATE TABLE ${table} (\n  ${definitions.join(',\n  ')}\n)`,
      `COMMENT ON TABLE ${table} IS ${literal(schema.description)}`,
      ...schema.columns.map((column) => comment(schema, column)),
    ],
  };
}

function widenTable(schema: SchemaType, existing: readonly ExistingColumn[]): TableChange[] {
  const table = `public.${quote(schema.table)}`;
  const found = new Map(existing.map((column) => [column.name, column]));
  return schema.columns.flatMap((column): TableChange[] => {
    const present = found.get(column.name);
    const name = `${schema.table}.${column.name}`;
    // Rows that are there already have no value for a new column, so it takes NULL even where files must have it.
    if (!present) {
      const sql = `ALTER TABLE ${table} ADD COLUMN ${quote(column.name)} ${column.sqlType}`;
      return [{ description: `add column ${name} ${column.sqlType}`, sql: [sql, comment(schema, column)] }];
    }
    const changes: TableChange[] = [];
    if (present.sqlType !== column.sqlType) {
      const sql = `ALTER TABLE ${table} ALTER COLUMN ${quote(column.name)} TYPE ${column.sqlType}`;
      changes.push({ description: `widen ${name} from ${present.sqlType} to ${column.sqlType}`, sql: [sql] });
    }
    if (!column.required && !present.nullable) {
      const sql = `ALTER TABLE ${table} ALTER COLUMN ${quote(column.name)} DROP NOT NULL`;
      changes.push({ description: `let ${name} be empty`, sql: [sql] });
    }
    return changes;
  });
}

function* refusals(schema: SchemaType, existing: readonly ExistingColumn[]): Generator<string> {
  const found = new Map(existing.map((column) => [column.name, column]));
  const foreign = [{ name: 'organization_id' }, ...SYSTEM_COLUMNS].filter(({ name }) => !found.has(name));
  if (foreign.length > 0) {
    const lacks = foreign.map(({ name }) => name).join(', ');
    yield `Table ${schema.table} is there already and was not made by piing migrate: it lacks ${lacks}. Give piing.table in ${schema.name}.yaml another name, or rename that table.`;
    return;
  }
  const key = existing
    .filter(({ keyPosition }) => keyPosition !== null)
    .toSorted((one, other) => (one.keyPosition ?? 0) - (other.keyPosition ?? 0))
    .map(({ name }) => name);
  const wanted = ['organization_id', ...schema.naturalKey];
  if (key.join() !== wanted.join())
    yield `The key of ${schema.table} is ${key.slice(1).join(', ')}, and ${schema.name}.yaml wants ${wanted.slice(1).join(', ')}. A key cannot change under the rows that are there: restore primaryKey, or make a new schema type with a table of its own.`;
  for (const column of schema.columns) {
    const present = found.get(column.name);
    if (present && !holdsAll(column, present))
      yield `${schema.table}.${column.name} is ${present.sqlType}, and ${schema.name}.yaml wants ${column.sqlType}, which does not hold every value that may be there. Restore the type in the file, or add a column under a new name.`;
  }
}

/** Only numbers have types of which one is wider than the other: more digits before the point, and behind it. */
function holdsAll(column: Column, present: ExistingColumn): boolean {
  if (present.sqlType === column.sqlType) return true;
  const [precision, scale] = (/^numeric\((\d+),(\d+)\)$/.exec(present.sqlType)?.slice(1) ?? []).map(Number);
  if (precision === undefined || scale === undefined || column.type !== 'number') return false;
  return column.scale >= scale && column.precision - column.scale >= precision - scale;
}

function comment(schema: SchemaType, column: Column): string {
  return `COMMENT ON COLUMN public.${quote(schema.table)}.${quote(column.name)} IS ${literal(column.description)}`;
}
