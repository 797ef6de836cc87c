import { compileColumnNames } from './column-names.ts';
import type { SchemaType } from './schema-type.ts';
import { headersOf, type TransformerSpec } from './transformer-spec.ts';

/**
 * Where the values of a row are put while it is read. Most columns have a slot of their own, at their index in
 * `schema.columns`; behind them come the headers that are only parts of a column, or that select rows.
 */
export interface FileSlots {
  /** What carries each slot: the mapped header, else the column's name. As many as there are slots. */
  readonly names: readonly string[];
  /** For each column the slots that it is put together from, in their order. */
  readonly ofColumn: readonly (readonly number[])[];
  /** The slot that decides which rows are loaded. */
  readonly selection: number | undefined;
  /** The slot of a header, or undefined when nothing reads it. */
  slotFor(header: string): number | undefined;
}

export function assignSlots(schema: SchemaType, spec: TransformerSpec): FileSlots {
  const names = schema.columns.map(({ name }) => name);
  const ofColumn = schema.columns.map((_, index): readonly number[] => [index]);
  const mapped = new Map<string, number>();
  const columnNamed = compileColumnNames(schema, spec);
  const claim = (header: string, slot: number) => {
    mapped.set(header, slot);
    names[slot] = header;
    return slot;
  };
  /** A part is shared with the column that goes by its name: Date and Time make a timestamp, Date is a date too. */
  const part = (header: string) => mapped.get(header) ?? columnNamed(header) ?? claim(header, names.length);

  for (const entry of spec.columns) {
    const index = schema.columns.findIndex(({ name }) => name === entry.name);
    const [first, ...more] = headersOf(entry);
    if (index < 0 || first === undefined) continue;
    ofColumn[index] =
      more.length > 0 ? [first, ...more].map(part) : [mapped.get(first) ?? claim(first, index)];
  }
  const selection = spec.onlyRows && part(spec.onlyRows.header.trim());
  return {
    names,
    ofColumn,
    selection,
    slotFor: (header) => mapped.get(header.trim()) ?? columnNamed(header.trim()),
  };
}
