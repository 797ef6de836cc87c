import { FileFault } from './faults.ts';
import type { Column, SchemaType } from './schema-type.ts';
import type { TransformerSpec } from './transformer-spec.ts';

/** Finds the column that a header or JSON key means. Compiled once per upload. */
export interface HeaderMatcher {
  /** Index into `schema.columns`, or undefined when no column goes by that name. */
  columnFor(header: string): number | undefined;
  /**
   * Matches a whole CSV header.
   * @throws {FileFault} `DUPLICATE_HEADER` when two headers mean one column, `MISSING_COLUMNS` when a
   * required column has neither a header nor a constant or default, `UNKNOWN_HEADER` when nothing matches.
   */
  matchAll(headers: readonly string[]): HeaderMatch;
}

export interface HeaderMatch {
  /** For each header its index into `schema.columns`; -1: not loaded. */
  readonly columnOf: readonly number[];
  /** Headers that no column goes by, in the file's order. */
  readonly unknown: readonly string[];
}

/** Columns of our own reject reports: a mended report can be sent as it is. */
const REPORT_COLUMNS: ReadonlySet<string> = new Set(['_line', '_errors']);

const HEADERS_QUOTED = 10;

/** Case, accents' encoding, spaces and separators do not tell two headers apart: "Order ID" is order_id. */
export function normaliseHeader(header: string): string {
  return header
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

/** The enablement's mapping first, then the exact name, then names without case and separators, then aliases. */
export function compileHeaderMatcher(schema: SchemaType, spec: TransformerSpec): HeaderMatcher {
  const mapped = new Map<string, number>();
  const exact = new Map<string, number>();
  const loose = new Map<string, number>();
  const settled = new Set<string>();
  for (const { name, header, constant } of spec.columns) {
    const index = schema.columns.findIndex((column) => column.name === name);
    if (index >= 0 && header !== undefined) mapped.set(header.trim(), index);
    // What a mapping or a constant says about a column is all that counts for it.
    if (header !== undefined || constant !== undefined) settled.add(name);
  }
  const open = [...schema.columns.entries()].filter(([, column]) => !settled.has(column.name));
  for (const [index, column] of open) exact.set(column.name, index);
  for (const [index, column] of open) loose.set(normaliseHeader(column.name), index);
  for (const [index, column] of open) {
    for (const alias of column.aliases)
      if (!loose.has(normaliseHeader(alias))) loose.set(normaliseHeader(alias), index);
  }
  const columnFor = (header: string) => {
    const name = header.trim();
    return mapped.get(name) ?? exact.get(name) ?? loose.get(normaliseHeader(name));
  };
  return { columnFor, matchAll: (headers) => matchAll(schema, spec, columnFor, headers) };
}

function matchAll(
  schema: SchemaType,
  spec: TransformerSpec,
  columnFor: HeaderMatcher['columnFor'],
  headers: readonly string[],
): HeaderMatch {
  const claimedBy = new Map<number, string>();
  const unknown: string[] = [];
  const columnOf = headers.map((header) => {
    if (REPORT_COLUMNS.has(header.trim())) return -1;
    const index = columnFor(header);
    if (index === undefined) {
      if (header.trim() !== '') unknown.push(header);
      return -1;
    }
    const first = claimedBy.get(index);
    if (first !== undefined) throw duplicateHeader(schema.columns[index], first, header);
    claimedBy.set(index, header);
    return index;
  });
  if (claimedBy.size === 0) throw unknownHeader(schema, headers);
  const missing = schema.columns.filter(
    (column, index) => column.required && !claimedBy.has(index) && !isProvided(spec, column),
  );
  if (missing.length > 0) throw missingColumns(missing, spec, headers);
  return { columnOf, unknown };
}

/** True when rows get a value for the column without the file. */
function isProvided(spec: TransformerSpec, column: Column): boolean {
  return spec.columns.some(
    ({ name, constant, default: byDefault }) => name === column.name && (constant ?? byDefault) !== undefined,
  );
}

function duplicateHeader(column: Column | undefined, first: string, second: string): FileFault {
  const message = `The headers "${first}" and "${second}" both mean ${column?.name}. Remove one of the two columns, or have your Piing administrator map one of them.`;
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
    const mapped = spec.columns.find((entry) => entry.name === column.name)?.header;
    if (mapped !== undefined) return `"${mapped}" (for ${column.name})`;
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

function quoteAll(headers: readonly string[]): string {
  const shown = headers.slice(0, HEADERS_QUOTED).map((header) => `"${header.slice(0, 40)}"`);
  return headers.length > shown.length
    ? `${shown.join(', ')} and ${headers.length - shown.length} more`
    : shown.join(', ');
}
