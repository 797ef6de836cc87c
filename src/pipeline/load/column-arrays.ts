import type { ColumnType } from '../../schemas/schema-type.ts';
import type { CopyRows } from '../encode/copy-rows.ts';

/** Object ids of the element types, which PostgreSQL has fixed for good. */
const ELEMENT_TYPES: Readonly<Record<ColumnType | 'line', number>> = {
  line: 20,
  string: 25,
  integer: 20,
  number: 1_700,
  boolean: 16,
  date: 1_082,
  datetime: 1_184,
  object: 3_802,
};

interface Field {
  /** Of the length that precedes the value. */
  readonly from: number;
  readonly to: number;
}

/**
 * The columns of some rows as arrays in PostgreSQL's binary format, for `unnest`: first the lines, then the columns.
 * Fields of a COPY and elements of an array look alike, so values are moved and never read.
 */
export function columnArrays(
  rows: CopyRows,
  chosen: readonly number[],
  types: readonly ColumnType[],
  prefixBytes: number,
): Buffer[] {
  const columns: Field[][] = [[], ...types.map(() => [])];
  for (const row of chosen) {
    let at = rows.startOf(row) + prefixBytes;
    for (const fields of columns) {
      const length = rows.bytes.readInt32BE(at);
      const to = at + 4 + Math.max(0, length);
      fields.push({ from: at, to });
      at = to;
    }
  }
  return columns.map((fields, index) =>
    toArray(
      rows.bytes,
      fields,
      index === 0 ? ELEMENT_TYPES.line : ELEMENT_TYPES[types[index - 1] as ColumnType],
    ),
  );
}

function toArray(bytes: Buffer, fields: readonly Field[], elementType: number): Buffer {
  const head = Buffer.alloc(20);
  // One dimension, perhaps with nulls, of so many elements from 1.
  head.writeInt32BE(1, 0);
  head.writeInt32BE(1, 4);
  head.writeInt32BE(elementType, 8);
  head.writeInt32BE(fields.length, 12);
  head.writeInt32BE(1, 16);
  return Buffer.concat([head, ...fields.map(({ from, to }) => bytes.subarray(from, to))]);
}
