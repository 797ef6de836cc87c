import { type Fault, quoteValue } from '../../schemas/faults.ts';
import { assignSlots } from '../../schemas/file-slots.ts';
import type { OrderRule, SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { valueKey } from '../../schemas/validate-column.ts';
import { LEFT_OUT, type SourceRecord, type Transform } from '../records.ts';
import { CellFault, type RowContext } from './cell.ts';
import { type CompiledColumn, compileColumns, textOf } from './columns.ts';

/** Compiles a schema type and a transformer into one function a row. Called once per upload. */
export function compileTransform(schema: SchemaType, spec: TransformerSpec): Transform {
  const columns = compileColumns(schema, spec);
  const zone = columns.find(({ column }) => column.format === 'timeZone');
  const rules = schema.rules.map((rule) => compileRule(columns, rule));
  const isSelected = compileSelection(schema, spec);
  const context: RowContext = { timeZone: spec.timeZone };

  return (record) => {
    if (isSelected && !isSelected(record)) return LEFT_OUT;
    const faults: Fault[] = [];
    context.timeZone = zone ? (zoneOf(zone, record, context) ?? spec.timeZone) : spec.timeZone;
    const values: (string | null)[] = new Array(columns.length);
    for (const compiled of columns) values[compiled.index] = convert(compiled, record, context, faults);
    for (const rule of rules) {
      const fault = faults.length === 0 ? rule(values, record, context) : undefined;
      if (fault) faults.push(fault);
    }
    return faults.length === 0 ? { ok: true, values } : { ok: false, faults };
  };
}

/** Whether a row is one of those that the enablement loads; undefined when it loads all. */
export function compileSelection(
  schema: SchemaType,
  spec: TransformerSpec,
): ((record: Pick<SourceRecord, 'values'>) => boolean) | undefined {
  const slot = assignSlots(schema, spec).selection;
  if (slot === undefined) return undefined;
  const accepted = spec.onlyRows?.values && new Set(spec.onlyRows.values.map(valueKey));
  return ({ values }) => {
    const text = valueKey(values[slot] ?? '');
    return accepted ? accepted.has(text) : text !== '';
  };
}

/** The row's own time zone, when it is there and valid; the column itself reports when it is not. */
export function zoneOf(
  zone: CompiledColumn,
  record: Pick<SourceRecord, 'values'>,
  context: RowContext,
): string | undefined {
  const parsed = parseCell(zone, record, context);
  return typeof parsed === 'string' ? parsed : undefined;
}

/** The constant, the file's value or the default; undefined when there is none. */
export function parseCell(
  compiled: CompiledColumn,
  record: Pick<SourceRecord, 'values'>,
  context: RowContext,
): string | CellFault | undefined {
  if (compiled.constant === undefined) {
    const text = textOf(compiled, record.values);
    if (text !== undefined) return compiled.parse(text, context);
  }
  const written = compiled.constant ?? compiled.byDefault;
  return written ? compiled.parseCanonical(written, context) : undefined;
}

function convert(
  compiled: CompiledColumn,
  record: SourceRecord,
  context: RowContext,
  faults: Fault[],
): string | null {
  const result = parseCell(compiled, record, context);
  if (typeof result === 'string') return result;
  const { column } = compiled;
  const at = { line: record.line, column: column.name };
  if (result instanceof CellFault) {
    const value = quoteValue(writtenText(compiled, record));
    faults.push({ ...at, code: result.code, message: result.message, value });
  } else if (column.required) {
    const message = `${column.name} is empty. Every row needs it, like ${column.example}.`;
    faults.push({ ...at, code: 'REQUIRED', message, value: null });
  }
  return null;
}

/** What a message about the value quotes. */
function writtenText(compiled: CompiledColumn, record: SourceRecord): string | undefined {
  return compiled.constant ?? textOf(compiled, record.values) ?? compiled.byDefault;
}

/** May change the later of both values, where the enablement says that it is on the next day. */
type CompiledRule = (
  values: (string | null)[],
  record: SourceRecord,
  context: RowContext,
) => Fault | undefined;

/** Both values are timestamps with an offset by now, so they are compared as instants. */
function compileRule(columns: readonly CompiledColumn[], rule: OrderRule): CompiledRule {
  const later = columns.find(({ column }) => column.name === rule.column);
  const earlier = columns.find(({ column }) => column.name === rule.notBefore);
  if (!later || !earlier) return () => undefined;
  return (values, record, context) => {
    const [value, bound] = [values[later.index], values[earlier.index]];
    if (!value || !bound || !isBefore(value, bound)) return undefined;
    if (later.nextDay) {
      const moved = parseCell(later, record, { ...context, nextDay: true });
      if (typeof moved === 'string' && !isBefore(moved, bound)) {
        values[later.index] = moved;
        return undefined;
      }
    }
    const written = writtenText(later, record) ?? value;
    const message = `${rule.column} (${written}) lies before ${rule.notBefore} (${writtenText(earlier, record) ?? bound}). Check both times.`;
    return { line: record.line, column: rule.column, code: 'ORDER', message, value: quoteValue(written) };
  };
}

/** Instants to the microsecond: Date has milliseconds, and the rest is compared as digits. */
function isBefore(value: string, bound: string): boolean {
  const difference = Date.parse(wholeSeconds(value)) - Date.parse(wholeSeconds(bound));
  return difference < 0 || (difference === 0 && fraction(value) < fraction(bound));
}

const wholeSeconds = (timestamp: string): string => timestamp.replace(/\.\d+/, '');
const fraction = (timestamp: string): string => (/\.(\d+)/.exec(timestamp)?.[1] ?? '').padEnd(6, '0');
