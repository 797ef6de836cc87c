import { whyNotCanonical } from './canonical.ts';
import { normaliseHeader } from './column-names.ts';
import type { Field, SchemaFile, SchemaProblem } from './schema-shape.ts';
import type { Column, ColumnType } from './schema-type.ts';

export const SQL_TYPES: Readonly<
  Record<ColumnType, { readonly pattern: RegExp; readonly byDefault: string }>
> = {
  string: { pattern: /^text$/, byDefault: 'text' },
  integer: { pattern: /^bigint$/, byDefault: 'bigint' },
  number: { pattern: /^numeric\(\d{1,3},\d{1,3}\)$/, byDefault: 'numeric(19,4)' },
  boolean: { pattern: /^boolean$/, byDefault: 'boolean' },
  date: { pattern: /^date$/, byDefault: 'date' },
  datetime: { pattern: /^timestamp with time zone$/, byDefault: 'timestamp with time zone' },
  object: { pattern: /^jsonb$/, byDefault: 'jsonb' },
};

/** Tables of the same database that are not for rows of files. */
const OWN_TABLES: ReadonlySet<string> = new Set(['load_ledger', 'load_confirmations']);

/** What is wrong between parts of a file that are each well formed. */
export function* ruleProblems(
  file: SchemaFile,
  fileName: string,
  columns: readonly Column[],
): Generator<SchemaProblem> {
  const expected = fileName.replace(/\.ya?ml$/, '');
  if (file.name !== expected) yield { path: ['name'], message: `has to be the file's name, ${expected}.` };
  if (OWN_TABLES.has(file.piing.table))
    yield { path: ['piing', 'table'], message: `${file.piing.table} is a table of Piing's own.` };
  const byName = new Map<string, Field>();
  for (const [index, field] of file.fields.entries()) {
    const path = ['fields', index];
    if (field.name === 'organization_id') yield { path, message: 'organization_id is reserved.' };
    if (byName.has(field.name)) yield { path, message: `column ${field.name} stands there twice.` };
    byName.set(field.name, field);
    const found = [...fieldProblems(field, path)];
    yield* found;
    const column = columns[index];
    const problem = column && found.length === 0 ? whyNotCanonical(column, field.example) : undefined;
    if (problem) yield { path: [...path, 'example'], message: `${JSON.stringify(field.example)} ${problem}` };
  }
  yield* ambiguousNames(file.fields);
  yield* keyProblems(file, byName);
  for (const [index, rule] of file.piing.rules.entries()) {
    for (const side of ['column', 'notBefore'] as const) {
      if (byName.get(rule[side])?.type !== 'datetime')
        yield {
          path: ['piing', 'rules', index, side],
          message: `${rule[side]} has to be a datetime column.`,
        };
    }
  }
}

function* fieldProblems(field: Field, path: (string | number)[]): Generator<SchemaProblem> {
  const { pattern, byDefault } = SQL_TYPES[field.type];
  const { sqlType, format, unit } = field.piing;
  if (sqlType !== undefined && !pattern.test(sqlType)) {
    yield {
      path: [...path, 'piing', 'sqlType'],
      message: `${sqlType} does not hold a ${field.type}; use ${byDefault}.`,
    };
  }
  const [precision = 0, scale = 0] = (/\((\d+),(\d+)\)/.exec(sqlType ?? '')?.slice(1) ?? []).map(Number);
  if (scale > precision)
    yield { path: [...path, 'piing', 'sqlType'], message: `${sqlType} has more decimals than digits.` };
  if (format && field.type !== 'string')
    yield { path: [...path, 'piing', 'format'], message: `${format} is a format of strings only.` };
  if (unit && field.type !== 'integer')
    yield { path: [...path, 'piing', 'unit'], message: `${unit} is a unit of integers only.` };
  const { enum: values } = field.constraints;
  if (values && field.type !== 'string')
    yield { path: [...path, 'constraints', 'enum'], message: 'only strings have an enum.' };
  const twice = values?.find((value, index) => values.indexOf(value) !== index);
  if (twice) yield { path: [...path, 'constraints', 'enum'], message: `${twice} stands there twice.` };
}

function* keyProblems(file: SchemaFile, byName: ReadonlyMap<string, Field>): Generator<SchemaProblem> {
  for (const [index, name] of file.primaryKey.entries()) {
    const path = ['primaryKey', index];
    const field = byName.get(name);
    if (!field?.constraints.required) yield { path, message: `${name} has to be a required column.` };
    if (field?.type === 'object') yield { path, message: `${name} is an object, which identifies nothing.` };
    if (file.primaryKey.indexOf(name) !== index) yield { path, message: `${name} stands there twice.` };
  }
}

/** Two columns that a header could mean equally would be told apart by luck. */
function* ambiguousNames(fields: readonly Field[]): Generator<SchemaProblem> {
  const owners = new Map(fields.map((field) => [normaliseHeader(field.name), field.name]));
  for (const [index, field] of fields.entries()) {
    for (const [position, alias] of field.piing.aliases.entries()) {
      const path = ['fields', index, 'piing', 'aliases', position];
      const key = normaliseHeader(alias);
      const owner = owners.get(key);
      if (key === '') yield { path, message: `alias ${JSON.stringify(alias)} has no letter or digit.` };
      if (owner !== undefined && owner !== field.name)
        yield { path, message: `alias ${JSON.stringify(alias)} already means ${owner}.` };
      owners.set(key, field.name);
    }
  }
}
