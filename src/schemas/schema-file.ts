import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { normaliseHeader } from './column-names.ts';
import type { Column, ColumnType, SchemaType } from './schema-type.ts';

/** A schema file that cannot be used. The message names the file, the line, the field and what to do. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
}

const identifier = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'has to be lower case: a letter, then letters, digits and _, at most 63');

const fieldSchema = z.strictObject({
  name: identifier,
  title: z.string().optional(),
  type: z.enum(['string', 'integer', 'number', 'boolean', 'date', 'datetime', 'object']),
  description: z.string().min(1),
  example: z.string().min(1),
  constraints: z
    .strictObject({
      required: z.boolean().default(false),
      enum: z
        .array(z.string().regex(/^[a-z0-9_]+$/, 'has to be lower case'))
        .min(1)
        .optional(),
      maxLength: z.number().int().min(1).max(100_000).optional(),
      minimum: z.number().optional(),
    })
    .default({ required: false }),
  piing: z
    .strictObject({
      sqlType: z.string().optional(),
      format: z.enum(['currency', 'timeZone']).optional(),
      unit: z.enum(['minutes']).optional(),
      aliases: z.array(z.string().min(1)).default([]),
    })
    .default({ aliases: [] }),
});

const fileSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/),
  title: z.string().min(1),
  description: z.string().min(1),
  fields: z.array(fieldSchema).min(1).max(500),
  primaryKey: z.array(identifier).min(1),
  piing: z.strictObject({
    table: identifier,
    rules: z.array(z.strictObject({ column: identifier, notBefore: identifier })).default([]),
  }),
});

type SchemaFile = z.infer<typeof fileSchema>;
type Field = SchemaFile['fields'][number];

const SQL_TYPES: Readonly<Record<ColumnType, { readonly pattern: RegExp; readonly byDefault: string }>> = {
  string: { pattern: /^text$/, byDefault: 'text' },
  integer: { pattern: /^bigint$/, byDefault: 'bigint' },
  number: { pattern: /^numeric\(\d{1,3},\d{1,3}\)$/, byDefault: 'numeric(19,4)' },
  boolean: { pattern: /^boolean$/, byDefault: 'boolean' },
  date: { pattern: /^date$/, byDefault: 'date' },
  datetime: { pattern: /^timestamp with time zone$/, byDefault: 'timestamp with time zone' },
  object: { pattern: /^jsonb$/, byDefault: 'jsonb' },
};

const DEFAULT_MAX_LENGTH = 2_000;

/** Reads one schema file. @throws {CatalogueError} with every problem of the file, a line each */
export function parseSchemaFile(fileName: string, text: string): SchemaType {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineAt = (path: readonly (string | number)[]) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
      if (node?.range) return lines.linePos(node.range[0] ?? 0).line;
    }
    return 1;
  };
  const fail = (
    problems: readonly { readonly path: readonly (string | number)[]; readonly message: string }[],
  ): never => {
    throw new CatalogueError(
      problems
        .map(({ path, message }) => `${fileName}:${lineAt(path)}: ${path.join('.') || 'file'}: ${message}`)
        .join('\n'),
    );
  };
  const broken = document.errors[0];
  if (broken)
    throw new CatalogueError(
      `${fileName}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n')[0]}`,
    );
  const parsed = fileSchema.safeParse(document.toJS());
  if (!parsed.success)
    return fail(
      parsed.error.issues.map((issue) => ({
        path: issue.path as (string | number)[],
        message: issue.message,
      })),
    );
  const problems = [...findProblems(parsed.data, fileName)];
  return problems.length > 0 ? fail(problems) : toSchemaType(parsed.data);
}

function* findProblems(
  file: SchemaFile,
  fileName: string,
): Generator<{ path: (string | number)[]; message: string }> {
  if (`${file.name}.yaml` !== fileName)
    yield { path: ['name'], message: `has to be the file's name, ${fileName.replace(/\.yaml$/, '')}` };
  const byName = new Map<string, Field>();
  for (const [index, field] of file.fields.entries()) {
    const path = ['fields', index];
    if (field.name === 'organization_id') yield { path, message: 'organization_id is reserved' };
    if (byName.has(field.name)) yield { path, message: `column ${field.name} stands there twice` };
    byName.set(field.name, field);
    const { pattern, byDefault } = SQL_TYPES[field.type];
    const { sqlType, format } = field.piing;
    if (sqlType !== undefined && !pattern.test(sqlType)) {
      yield {
        path: [...path, 'piing', 'sqlType'],
        message: `${sqlType} does not hold a ${field.type}; use ${byDefault}`,
      };
    }
    if (format && field.type !== 'string')
      yield { path: [...path, 'piing', 'format'], message: `${format} is a format of strings only` };
    if (field.piing.unit && field.type !== 'integer')
      yield { path: [...path, 'piing', 'unit'], message: `${field.piing.unit} is a unit of integers only` };
    if (field.constraints.enum && field.type !== 'string')
      yield { path: [...path, 'constraints', 'enum'], message: 'only strings have an enum' };
  }
  yield* ambiguousNames(file.fields);
  for (const [index, name] of file.primaryKey.entries()) {
    if (!byName.get(name)?.constraints.required)
      yield { path: ['primaryKey', index], message: `${name} has to be a required column` };
  }
  for (const [index, rule] of file.piing.rules.entries()) {
    for (const side of ['column', 'notBefore'] as const) {
      if (byName.get(rule[side])?.type !== 'datetime')
        yield { path: ['piing', 'rules', index, side], message: `${rule[side]} has to be a datetime column` };
    }
  }
}

/** Two columns that a header could mean equally would be told apart by luck. */
function* ambiguousNames(
  fields: readonly Field[],
): Generator<{ path: (string | number)[]; message: string }> {
  const owners = new Map(fields.map((field) => [normaliseHeader(field.name), field.name]));
  for (const [index, field] of fields.entries()) {
    for (const alias of field.piing.aliases) {
      const key = normaliseHeader(alias);
      const owner = owners.get(key);
      if (key === '')
        yield {
          path: ['fields', index, 'piing', 'aliases'],
          message: `alias ${JSON.stringify(alias)} has no letter or digit`,
        };
      if (owner !== undefined && owner !== field.name) {
        yield {
          path: ['fields', index, 'piing', 'aliases'],
          message: `alias ${JSON.stringify(alias)} already means ${owner}`,
        };
      }
      owners.set(key, field.name);
    }
  }
}

function toSchemaType(file: SchemaFile): SchemaType {
  const { name, title, description, primaryKey, piing } = file;
  return {
    name,
    title,
    description,
    table: piing.table,
    columns: file.fields.map(toColumn),
    naturalKey: primaryKey,
    rules: piing.rules,
  };
}

function toColumn({ name, type, description, example, constraints, piing }: Field): Column {
  const sqlType = piing.sqlType ?? SQL_TYPES[type].byDefault;
  const [precision, scale] = (/^numeric\((\d+),(\d+)\)$/.exec(sqlType)?.slice(1) ?? []).map(Number);
  return {
    name,
    type,
    format: piing.format,
    unit: piing.unit,
    required: constraints.required,
    enum: constraints.enum,
    maxLength: constraints.maxLength ?? DEFAULT_MAX_LENGTH,
    minimum: constraints.minimum,
    precision: precision ?? 0,
    scale: scale ?? 0,
    sqlType,
    aliases: piing.aliases,
    description,
    example,
  };
}
