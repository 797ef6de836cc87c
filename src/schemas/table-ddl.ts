import type { Column, SchemaType } from './schema-type.ts';

/** A column that the table has now. */
export interface ExistingColumn {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly sqlType: string;
  readonly nullable: boolean;
}

/** A table would have to lose something. The message names the table, the column and the way out. */
class SchemaChangeError extends Error {
  override readonly name = 'SchemaChangeError';
}

const quote = (identifier: string) => `"${identifier}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** What every row carries beside its data. */
const SYSTEM_COLUMNS = [
  '_upload_id uuid NOT NULL',
  '_line bigint NOT NULL',
  '_received_at timestamptz NOT NULL',
];

/**
 * The statements that bring a schema type's table to what its file says; none when it is there already.
 * Tables are created and widened, never dropped or narrowed.
 * @throws {SchemaChangeError}
 */
export function planTable(schema: SchemaType, existing: readonly ExistingColumn[]): string[] {
  return existing.length === 0 ? createTable(schema) : widenTable(schema, existing);
}

function createTable(schema: SchemaType): string[] {
  const table = `public.${quote(schema.table)}`;
  // Keys compare as bytes: faster than a language's collation, and the same on every machine.
  const columns = schema.columns.map((column) => {
    const collation =
      schema.naturalKey.includes(column.name) && column.sqlType === 'text' ? ' COLLATE "C"' : '';
    return `${quote(column.name)} ${column.sqlType}${collation}${column.required ? ' NOT NULL' : ''}`;
  });
  const key = ['organization_id', ...schema.naturalKey].map(quote).join(', ');
  const definitions = [
    'organization_id text COLLATE "C" NOT NULL',
    ...columns,
    ...SYSTEM_COLUMNS,
    `PRIMARY KEY (${key})`,
  ];
  return [
    `CREATE TABLE ${table} (\n  ${definitions.join(',\n  ')}\n)`,
    `COMMENT ON TABLE ${table} IS ${literal(schema.description)}`,
    ...schema.columns.map((column) => comment(schema, column)),
  ];
}

function widenTable(schema: SchemaType, existing: readonly ExistingColumn[]): string[] {
  const table = `public.${quote(schema.table)}`;
  const found = new Map(existing.map((column) => [column.name, column]));
  const statements = schema.columns.flatMap((column) => {
    const present = found.get(column.name);
    // Rows that are there already have no value for a new column, so it takes NULL even where files must have it.
    if (!present)
      return [
        `ALTER TABLE ${table} ADD COLUMN ${quote(column.name)} ${column.sqlType}`,
        comment(schema, column),
      ];
    const change = widenColumn(schema, column, present);
    return change ? [`ALTER TABLE ${table} ${change}`] : [];
  });
  const relaxed = schema.columns.filter(
    (column) => !column.required && found.get(column.name)?.nullable === false,
  );
  return [
    ...statements,
    ...relaxed.map((column) => `ALTER TABLE ${table} ALTER COLUMN ${quote(column.name)} DROP NOT NULL`),
  ];
}

function widenColumn(schema: SchemaType, column: Column, present: ExistingColumn): string | undefined {
  if (present.sqlType === column.sqlType) return undefined;
  const [precision, scale] = (/^numeric\((\d+),(\d+)\)$/.exec(present.sqlType)?.slice(1) ?? []).map(Number);
  const holdsAll =
    precision !== undefined &&
    scale !== undefined &&
    column.scale >= scale &&
    column.precision - column.scale >= precision - scale;
  if (holdsAll) return `ALTER COLUMN ${quote(column.name)} TYPE ${column.sqlType}`;
  throw new SchemaChangeError(
    `${schema.table}.${column.name} is ${present.sqlType}, and ${schema.name}.yaml wants ${column.sqlType}, which does not hold every value. ` +
      'Restore the type in the file, or add a column under a new name.',
  );
}

function comment(schema: SchemaType, column: Column): string {
  return `COMMENT ON COLUMN public.${quote(schema.table)}.${quote(column.name)} IS ${literal(column.description)}`;
}
