import Table from 'cli-table3';
import type { Column, SchemaType } from '../schemas/schema-type.ts';
import { PLAIN_TABLE } from './uploads-tables.ts';

export function schemasTable(types: readonly SchemaType[]): string {
  const table = new Table({ ...PLAIN_TABLE, head: ['SCHEMA TYPE', 'TABLE', 'COLUMNS', 'KEY', 'TITLE'] });
  for (const { name, table: sqlTable, columns, naturalKey, title } of types)
    table.push([name, sqlTable, columns.length, naturalKey.join(', '), title]);
  return table.toString();
}

export function schemaDetails(schema: SchemaType): string {
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['COLUMN', 'TYPE', 'NEEDED', 'EXAMPLE', 'DESCRIPTION', 'ALSO FOUND AS'],
  });
  for (const column of schema.columns) {
    const needed = schema.naturalKey.includes(column.name) ? 'key' : column.required ? 'yes' : '';
    table.push([
      column.name,
      typeOf(column),
      needed,
      column.example,
      column.description,
      column.aliases.join(', '),
    ]);
  }
  const rules = schema.rules.map(({ column, notBefore }) => `${column} is not before ${notBefore}`);
  const heading = `${schema.name}: ${schema.title}. ${schema.description}\nTable ${schema.table}, key ${schema.naturalKey.join(', ')}.`;
  return [heading, table.toString(), ...(rules.length > 0 ? [`Rules: ${rules.join('; ')}.`] : [])].join(
    '\n\n',
  );
}

function typeOf({ type, format, unit, enum: values, sqlType }: Column): string {
  if (values) return values.join(' | ');
  if (type === 'number') return sqlType;
  return format ?? unit ?? type;
}
