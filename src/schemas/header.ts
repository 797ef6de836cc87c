import { FileFault } from './faults.ts';
import { assignSlots, type FileSlots } from './file-slots.ts';
import type { Column, SchemaType } from './schema-type.ts';
import { headersOf, type TransformerSpec } from './transformer-spec.ts';

/** Finds the slot that a header or JSON key fills ({@link FileSlots}). Compiled once per upload. */
export interface HeaderMatcher {
  /** What carries each slot. The first are those of `schema.columns`. */
  readonly slots: readonly string[];
  /** The slot of a header: its column's index, or beyond; undefined when nothing goes by that name. */
  columnFor(header: string): number | undefined;
  /**
   * Matches a whole CSV header.
   * @throws {FileFault} `DUPLICATE_HEADER` when two headers mean one column, `MISSING_COLUMNS` when a
   * required column has neither a header nor a constant or default, `UNKNOWN_HEADER` when nothing matches.
   */
  matchAll(headers: readonly string[]): HeaderMatch;
}

export interface HeaderMatch {
  /** For each header its slot; -1: not loaded. */
  readonly columnOf: readonly number[];
  /** Headers that no column goes by, in the file's order. */
  readonly unknown: readonly string[];
}

/** Columns of our own reject reports: a mended report can be sent as it is. */
const REPORT_COLUMNS: ReadonlySet<string> = new Set(['_line', '_errors']);

const HEADERS_QUOTED = 10;

/** The enablement's mapping first, then the exact name, then names without case and separators, then aliases. */
export function compileHeaderMatcher(schema: SchemaType, spec: TransformerSpec): HeaderMatcher {
  const slots = assignSlots(schema, spec);
  return {
    slots: slots.names,
    columnFor: slots.slotFor,
    matchAll: (headers) => matchAll(schema, spec, slots, headers),
  };
}

function matchAll(
  schema: SchemaType,
  spec: TransformerSpec,
  slots: FileSlots,
  headers: readonly string[],
): HeaderMatch {
  const claimedBy = new Map<number, string>();
  const unknown: string[] = [];
  const columnOf = headers.map((header) => {
    if (REPORT_COLUMNS.has(header.trim())) return -1;
    const slot = slots.slotFor(header);
    if (slot === undefined) {
      if (header.trim() !== '') unknown.push(header);
      return -1;
    }
    const first = claimedBy.get(slot);
    if (first !== undefined) throw duplicateHeader(slots.names[slot], first, header);
    claimedBy.set(slot, header);
    return slot;
  });
  if (claimedBy.size === 0) throw unknownHeader(schema, headers);
  const isThere = (slot: number) => claimedBy.has(slot);
  const missing = schema.columns.filter(
    (column, index) => column.required && !slots.ofColumn[index]?.every(isThere) && !isProvided(spec, column),
  );
  if (missing.length > 0) throw missingColumns(missing, spec, headers);
  if (slots.selection !== undefined && !isThere(slots.selection)) throw missingSelection(spec, headers);
  return { columnOf, unknown };
}

/** True when rows get a value for the column without the file. */
function isProvided(spec: TransformerSpec, column: Column): boolean {
  if (column.format === 'currency' && spec.currency !== undefined) return true;
  return spec.columns.some(
    ({ name, constant, default: byDefault }) => name === column.name && (constant ?? byDefault) !== undefined,
  );
}

function duplicateHeader(name: string | undefined, first: string, second: string): FileFault {
  const message = `The headers "${first}" and "${second}" both mean ${name}. Remove one of the two columns, or have your Piing administrator map one of them.`;
  return new FileFault('DUPLICATE_HEADER', message, { line: 1, column: second });
}

function unknownHeader(schema: SchemaType, headers: readonly string[]): FileFault {
  const expected = schema.columns.filter((column) => column.required).map((column) => column.name);
  const message = `The first line has to name the columns. It is ${quoteAll(headers)}, and ${schema.name} needs ${expected.join(', ')}.`;
  return new FileFault('UNKNOWN_HEADER', message, { line: 1, value: headers.join(',') });
}

function missingColumns(
  missing: readonly Column[],
  spec: TransformerSpec,
  headers: readonly string[],
): FileFault {
  const names = missing.map((column) => {
    const entry = spec.columns.find(({ name }) => name === column.name);
    const mapped = (entry ? headersOf(entry) : []).map((header) => `"${header}"`);
    if (mapped.length > 0) return `${mapped.join(' and ')} (for ${column.name})`;
    const aliases = column.aliases.slice(0, 2).map((alias) => `"${alias}"`);
    return aliases.length > 0 ? `${column.name} (or ${aliases.join(' or ')})` : column.name;
  });
  const message = `The header lacks ${names.join(', ')}. It has ${quoteAll(headers)}.`;
  return new FileFault('MISSING_COLUMNS', message, {
    line: 1,
    column: missing[0]?.name ?? null,
    value: headers.join(','),
  });
}

function missingSelection({ onlyRows }: TransformerSpec, headers: readonly string[]): FileFault {
  const message = `The header lacks "${onlyRows?.header}", which tells the rows to load. It has ${quoteAll(headers)}.`;
  return new FileFault('MISSING_COLUMNS', message, { line: 1, value: headers.join(',') });
}

function quoteAll(headers: readonly string[]): string {
  const shown = headers.slice(0, HEADERS_QUOTED).map((header) => `"${header.slice(0, 40)}"`);
  return headers.length > shown.length
    ? `${shown.join(', ')} and ${headers.length - shown.length} more`
    : shown.join(', ');
}
