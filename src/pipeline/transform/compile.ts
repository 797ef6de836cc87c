import { type Fault, quoteValue } from '../../schemas/faults.ts';
import type { Column, OrderRule, SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import type { SourceRecord, Transform } from '../records.ts';
import { CellFault, type CellParser, type RowContext } from './cell.ts';
import { decimalParser, integerParser } from './numbers.ts';
import { booleanParser, jsonObjectParser } from './other.ts';
import { textParser } from './text.ts';
import { dateParser, timestampParser } from './times.ts';

/** One column, ready to turn a record's text into a row's. */
interface CompiledColumn {
  readonly column: Column;
  readonly index: number;
  readonly parse: CellParser;
  readonly constant: string | undefined;
  readonly byDefault: string | undefined;
}

/** Compiles a schema type and a transformer into one function a row. Called once per upload. */
export function compileTransform(schema: SchemaType, spec: TransformerSpec): Transform {
  const columns = schema.columns.map((column, index): CompiledColumn => {
    const own = spec.columns.find((entry) => entry.name === column.name);
    return {
      column,
      index,
      parse: parserFor(column, spec),
      constant: own?.constant,
      byDefault: own?.default,
    };
  });
  const zone = columns.find(({ column }) => column.format === 'timeZone');
  const rules = schema.rules.map((rule) => compileRule(schema, rule));
  const context: RowContext = { timeZone: spec.timeZone };

  return (record) => {
    const faults: Fault[] = [];
    context.timeZone = zone ? (zoneOf(zone, record, context) ?? spec.timeZone) : spec.timeZone;
    const values: (string | null)[] = new Array(columns.length);
    for (const compiled of columns) values[compiled.index] = convert(compiled, record, context, faults);
    for (const rule of rules) {
      const fault = faults.length === 0 ? rule(values, record) : undefined;
      if (fault) faults.push(fault);
    }
    return faults.length === 0 ? { ok: true, values } : { ok: false, faults };
  };
}

function parserFor(column: Column, spec: TransformerSpec): CellParser {
  switch (column.type) {
    case 'string':
      return textParser(column);
    case 'integer':
      return integerParser(column);
    case 'number':
      return decimalParser(column, spec.decimalSeparator);
    case 'boolean':
      return booleanParser(column);
    case 'date':
      return dateParser(column);
    case 'datetime':
      return timestampParser(column, spec);
    case 'object':
      return jsonObjectParser(column);
  }
}

/** The row's own time zone, when it is there and valid; the column itself reports when it is not. */
function zoneOf(zone: CompiledColumn, record: SourceRecord, context: RowContext): string | undefined {
  const text = textOf(zone, record);
  if (text === undefined) return undefined;
  const parsed = zone.parse(text, context);
  return parsed instanceof CellFault ? undefined : parsed;
}

/** What the column has in this row: the constant, the file's value, or the default. Spaces alone are no value. */
function textOf({ index, constant, byDefault }: CompiledColumn, record: SourceRecord): string | undefined {
  if (constant !== undefined) return constant;
  const text = record.values[index];
  return text === null || text === undefined || text === '' || text.trim() === '' ? byDefault : text;
}

function convert(
  compiled: CompiledColumn,
  record: SourceRecord,
  context: RowContext,
  faults: Fault[],
): string | null {
  const { column } = compiled;
  const text = textOf(compiled, record);
  if (text === undefined) {
    if (column.required) {
      const message = `${column.name} is empty. Every row needs it, like ${column.example}.`;
      faults.push({ line: record.line, column: column.name, code: 'REQUIRED', message, value: null });
    }
    return null;
  }
  const result = compiled.parse(text, context);
  if (typeof result === 'string') return result;
  faults.push({
    line: record.line,
    column: column.name,
    code: result.code,
    message: result.message,
    value: quoteValue(text),
  });
  return null;
}

type CompiledRule = (values: readonly (string | null)[], record: SourceRecord) => Fault | undefined;

/** Both values are timestamps with an offset by now, so they are compared as instants. */
function compileRule(schema: SchemaType, rule: OrderRule): CompiledRule {
  const column = schema.columns.findIndex(({ name }) => name === rule.column);
  const earliest = schema.columns.findIndex(({ name }) => name === rule.notBefore);
  return (values, record) => {
    const [value, bound] = [values[column], values[earliest]];
    if (!value || !bound || !isBefore(value, bound)) return undefined;
    const message = `${rule.column} (${record.values[column] ?? value}) lies before ${rule.notBefore} (${record.values[earliest] ?? bound}). Check both times.`;
    return {
      line: record.line,
      column: rule.column,
      code: 'ORDER',
      message,
      value: quoteValue(record.values[column] ?? value),
    };
  };
}

/** Instants to the microsecond: Date has milliseconds, and the rest is compared as digits. */
function isBefore(value: string, bound: string): boolean {
  const difference = Date.parse(wholeSeconds(value)) - Date.parse(wholeSeconds(bound));
  return difference < 0 || (difference === 0 && fraction(value) < fraction(bound));
}

const wholeSeconds = (timestamp: string): string => timestamp.replace(/\.\d+/, '');
const fraction = (timestamp: string): string => (/\.(\d+)/.exec(timestamp)?.[1] ?? '').padEnd(6, '0');
