import { LineCounter, parseDocument } from 'yaml';
import { formatPath, offsetOf } from '../support/yaml-offsets.ts';
import { ruleProblems, SQL_TYPES } from './schema-rules.ts';
import { type Field, type SchemaFile, type SchemaProblem, shapeProblems } from './schema-shape.ts';
import type { Column, SchemaType } from './schema-type.ts';

/** A schema file that cannot be used. The message names the file, the line, the field and what to do. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
}

const DEFAULT_MAX_LENGTH = 2_000;

/** Reads one schema file. @throws {CatalogueError} with every problem of the file, a line each */
export function parseSchemaFile(fileName: string, text: string): SchemaType {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  if (document.errors.length > 0) {
    const errors = document.errors.map(
      ({ message, pos }) => `${fileName}:${lineAt(pos[0])}: is not YAML: ${message}`,
    );
    throw new CatalogueError(errors.join('\n'));
  }
  const file = shapeProblems(document.toJS());
  const schema = Array.isArray(file) ? undefined : toSchemaType(file);
  const problems: readonly SchemaProblem[] = Array.isArray(file)
    ? file
    : [...ruleProblems(file, fileName, schema?.columns ?? [])];
  if (schema && problems.length === 0) return schema;
  const located = problems.map(({ path, message }) => ({
    line: lineAt(offsetOf(document, path)),
    text: `${formatPath(path) || 'file'}: ${message}`,
  }));
  const inOrder = located.toSorted((one, other) => one.line - other.line);
  throw new CatalogueError(inOrder.map(({ line, text }) => `${fileName}:${line}: ${text}`).join('\n'));
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
