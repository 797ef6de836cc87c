import type { Column, SchemaType } from './schema-type.ts';
import { headersOf, type TransformerSpec } from './transformer-spec.ts';

/** Case, accents' encoding, spaces and separators do not tell two headers apart: "Order ID" is order_id. */
export function normaliseHeader(header: string): string {
  return header
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

interface LooseNames {
  readonly name: string;
  readonly aliases: readonly string[];
}

const known = new WeakMap<Column, LooseNames>();

/** Normalised once: columns live as long as the process, and every file asks for them. */
function looseNames(column: Column): LooseNames {
  const before = known.get(column);
  if (before) return before;
  const names = { name: normaliseHeader(column.name), aliases: column.aliases.map(normaliseHeader) };
  known.set(column, names);
  return names;
}

/**
 * Finds the column that goes by a name: exactly, then without case and separators, then by alias. What a mapping or
 * a constant says about a column is all that counts for it, so such columns are not found here.
 */
export function compileColumnNames(
  schema: SchemaType,
  spec: TransformerSpec,
): (header: string) => number | undefined {
  const settled = new Set(
    spec.columns
      .filter((entry) => headersOf(entry).length > 0 || entry.constant !== undefined)
      .map(({ name }) => name),
  );
  const open = [...schema.columns.entries()].filter(([, column]) => !settled.has(column.name));
  const exact = new Map(open.map(([index, column]) => [column.name, index]));
  const loose = new Map(open.map(([index, column]) => [looseNames(column).name, index]));
  for (const [index, column] of open)
    for (const alias of looseNames(column).aliases) if (!loose.has(alias)) loose.set(alias, index);
  return (header) => exact.get(header) ?? loose.get(normaliseHeader(header));
}
