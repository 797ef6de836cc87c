import { exampleInFile } from './file-example.ts';
import { assignSlots } from './file-slots.ts';
import type { Column, SchemaType } from './schema-type.ts';
import { headersOf, type TransformerSpec } from './transformer-spec.ts';

/** A column that a file brings, as one organization's exports have it. */
export interface FileColumn {
  readonly column: Column;
  /** The headers that carry it; several when it is put together from parts. */
  readonly headers: readonly string[];
  /** False also where the enablement has a value for rows that have none. */
  readonly required: boolean;
  /** The column's example in the form of the file; one part for each header. */
  readonly examples: readonly string[];
}

/** The columns that a file brings; those with a constant value are not looked up in it. */
export function fileColumns(schema: SchemaType, spec: TransformerSpec): FileColumn[] {
  const slots = assignSlots(schema, spec);
  const parts = [...spec.columns.flatMap(headersOf), ...(spec.onlyRows ? [spec.onlyRows.header] : [])];
  return schema.columns.flatMap((column, index): FileColumn[] => {
    const entry = spec.columns.find(({ name }) => name === column.name) ?? { name: column.name };
    if (entry.constant !== undefined) return [];
    const found = headersOf(entry);
    const shared = parts.find((part) => slots.slotFor(part) === index) ?? column.name;
    const headers = found.length > 0 ? found : [shared];
    const provided = entry.default ?? (column.format === 'currency' ? spec.currency : undefined);
    const examples = inParts(exampleInFile(column, spec), headers.length, entry.separator ?? ' ');
    return [{ column, headers, required: column.required && provided === undefined, examples }];
  });
}

/** A header line and an example row: a file that can be sent as it is. Each header once, however many read it. */
export function templateRows(schema: SchemaType, spec: TransformerSpec): string[][] {
  const cells = new Map<string, string>();
  const columns = fileColumns(schema, spec);
  for (const { headers, examples } of columns.toSorted(byWhatIsShown))
    for (const [index, header] of headers.entries())
      if (!cells.has(header)) cells.set(header, examples[index] ?? '');
  const order = [...new Set(columns.flatMap(({ headers }) => headers))];
  const { header: selecting, values } = spec.onlyRows ?? {};
  if (selecting !== undefined && !cells.has(selecting)) {
    order.push(selecting);
    cells.set(selecting, values?.[0] ?? 'x');
  }
  return [order, order.map((header) => cells.get(header) ?? '')];
}

/**
 * Of columns that share a header one is shown: rather whole than a part of another, rather in a form of its own than
 * in one that others read too, rather a time than its day.
 */
function byWhatIsShown(one: FileColumn, other: FileColumn): number {
  const rank = ({ headers, column, examples }: FileColumn) =>
    headers.length * 4 - (examples[0] === column.example ? 0 : 2) - (column.type === 'datetime' ? 1 : 0);
  return rank(one) - rank(other);
}

/** The last part has what is left: a time with AM behind it stays whole. */
function inParts(text: string, count: number, separator: string): string[] {
  const parts = separator === '' ? [text] : text.split(separator);
  if (parts.length <= count) return [...parts, ...Array<string>(count - parts.length).fill('1')];
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}
