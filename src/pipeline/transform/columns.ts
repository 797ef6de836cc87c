import { compileDatePattern } from '../../schemas/date-pattern.ts';
import { exampleInFile } from '../../schemas/file-example.ts';
import { assignSlots } from '../../schemas/file-slots.ts';
import type { Column, SchemaType } from '../../schemas/schema-type.ts';
import {
  type ColumnSpec,
  DEFAULT_TRANSFORMER,
  type TransformerSpec,
} from '../../schemas/transformer-spec.ts';
import { valueKey } from '../../schemas/validate-column.ts';
import type { SourceRecord } from '../records.ts';
import type { CellParser } from './cell.ts';
import { durationParser, hoursParser } from './minutes.ts';
import { decimalParser, integerParser } from './numbers.ts';
import { booleanParser, jsonObjectParser } from './other.ts';
import { textParser } from './text.ts';
import { type DateForm, dateParser, timestampParser } from './times.ts';
import { textsForNothing, valuesParser } from './values.ts';

/** One column, ready to turn a record's text into a row's. */
export interface CompiledColumn {
  readonly column: Column;
  readonly index: number;
  /** Where the reader puts the column's text, or its parts; see `FileSlots`. */
  readonly slots: readonly number[];
  /** What stands between the parts. */
  readonly separator: string;
  /** Reads the text of the file. */
  readonly parse: CellParser;
  /** Reads what the administrator wrote, which has the form of the schema type's examples. */
  readonly parseCanonical: CellParser;
  /** False when the enablement says anything of how the column is written: `parse` is the column type's own then. */
  readonly plain: boolean;
  readonly constant: string | undefined;
  readonly byDefault: string | undefined;
  /** Texts that mean no value. */
  readonly nothing: ReadonlySet<string> | undefined;
  readonly nextDay: boolean;
}

/** Compiles every column of a schema type for the files of one enablement. */
export function compileColumns(schema: SchemaType, spec: TransformerSpec): CompiledColumn[] {
  const slots = assignSlots(schema, spec);
  return schema.columns.map((column, index) => {
    const entry = spec.columns.find(({ name }) => name === column.name) ?? { name: column.name };
    const identifies = schema.naturalKey.includes(column.name);
    const parseCanonical = canonicalParser(column, spec, identifies);
    const plain = isPlain(column, entry, spec);
    const own = plain ? parseCanonical : fileParser(column, entry, spec, identifies);
    return {
      column,
      index,
      slots: slots.ofColumn[index] ?? [index],
      separator: entry.separator ?? ' ',
      parse: entry.values ? valuesParser(column, entry.values, parseCanonical, own) : own,
      parseCanonical,
      plain: plain && !entry.values && (slots.ofColumn[index]?.length ?? 1) === 1,
      constant: entry.constant,
      byDefault: entry.default || (column.format === 'currency' ? spec.currency : undefined),
      nothing: textsForNothing(entry.values),
      nextDay: entry.nextDay ?? false,
    };
  });
}

/** The text of a row for the column; undefined when it has none. Spaces alone are no value. */
export function textOf(
  { slots, separator, nothing }: CompiledColumn,
  values: SourceRecord['values'],
): string | undefined {
  let text: string | undefined;
  for (const slot of slots) {
    const part = values[slot];
    if (part === null || part === undefined || part === '' || part.trim() === '') return undefined;
    text = text === undefined ? part : `${text}${separator}${part}`;
  }
  return text !== undefined && nothing?.has(valueKey(text)) ? undefined : text;
}

function isPlain(column: Column, entry: ColumnSpec, spec: TransformerSpec): boolean {
  switch (column.type) {
    case 'date':
      return (entry.format ?? spec.dateFormat) === undefined;
    case 'datetime':
      return (entry.format ?? spec.timestampFormat) === undefined;
    case 'integer':
    case 'number':
      return (
        entry.format === undefined &&
        spec.decimalSeparator === '.' &&
        spec.thousandsSeparator === undefined &&
        spec.currencySymbol === undefined &&
        !spec.parenthesesNegative
      );
    default:
      return true;
  }
}

function canonicalParser(column: Column, spec: TransformerSpec, identifies: boolean): CellParser {
  const { ambiguousLocalTime } = spec;
  const iso: DateForm = { pattern: undefined, example: column.example };
  switch (column.type) {
    case 'string':
      return textParser(column, identifies);
    case 'integer':
      return integerParser(column, DEFAULT_TRANSFORMER);
    case 'number':
      return decimalParser(column, DEFAULT_TRANSFORMER);
    case 'boolean':
      return booleanParser(column);
    case 'date':
      return dateParser(column, iso);
    case 'datetime':
      return timestampParser(column, { ...DEFAULT_TRANSFORMER, ambiguousLocalTime }, iso);
    case 'object':
      return jsonObjectParser(column);
  }
}

function fileParser(
  column: Column,
  entry: ColumnSpec,
  spec: TransformerSpec,
  identifies: boolean,
): CellParser {
  switch (column.type) {
    case 'integer':
      if (entry.format === 'hours') return hoursParser(column, spec);
      if (entry.format === 'duration') return durationParser(column);
      return integerParser(column, spec);
    case 'number':
      return decimalParser(column, spec);
    case 'date':
      return dateParser(column, dateForm(column, entry, spec));
    case 'datetime':
      return timestampParser(column, spec, dateForm(column, entry, spec));
    default:
      return canonicalParser(column, spec, identifies);
  }
}

function dateForm(column: Column, entry: ColumnSpec, spec: TransformerSpec): DateForm {
  const text = entry.format ?? (column.type === 'date' ? spec.dateFormat : spec.timestampFormat) ?? '';
  const pattern = compileDatePattern(text, column.type === 'date' ? 'date' : 'timestamp');
  return { pattern, example: exampleInFile(column, spec) };
}
