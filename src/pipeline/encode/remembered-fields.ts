import { CellFault } from '../transform/cell.ts';
import { type CompiledColumn, textOf } from '../transform/columns.ts';
import { CopyRows } from './copy-rows.ts';
import { type EncodeField, FIELD_OVERHEAD } from './values.ts';

const SLOTS = 512;
/** Codes, dates and names of lists are short. */
const MAX_BYTES = 40;

interface Remembered {
  readonly text: Buffer;
  readonly field: Buffer;
}

/**
 * For columns of few different values, such as a list, a currency or a date: what the column's parser made of a
 * text is remembered, so that it is asked once for each. Not for values that depend on the rest of their row.
 */
export function rememberFields(
  compiled: CompiledColumn,
  encodeValue: (out: CopyRows, value: string, room: number) => void,
): EncodeField {
  const slots: (Remembered | undefined)[] = new Array(SLOTS).fill(undefined);
  const scratch = new CopyRows(256);
  const learn = (bytes: Buffer, from: number, to: number): Remembered | undefined => {
    const values: string[] = [];
    for (const slot of compiled.slots) values[slot] = bytes.toString('utf8', from, to);
    // Blank cells, and those that mean nothing, are for the enablement's default.
    const text = textOf(compiled, values);
    if (text === undefined) return undefined;
    const value = compiled.parse(text, { timeZone: undefined });
    if (value instanceof CellFault) return undefined;
    scratch.clear();
    encodeValue(scratch, value, 0);
    // The row has reserved no more than this.
    if (scratch.at > to - from + FIELD_OVERHEAD) return undefined;
    return {
      text: Buffer.from(bytes.subarray(from, to)),
      field: Buffer.from(scratch.bytes.subarray(0, scratch.at)),
    };
  };
  return (out, bytes, from, to) => {
    if (to - from > MAX_BYTES) return false;
    let hash = 0;
    for (let at = from; at < to; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = hash & (SLOTS - 1);
    let remembered = slots[slot];
    if (remembered === undefined || !isText(remembered.text, bytes, from, to)) {
      remembered = learn(bytes, from, to);
      if (remembered === undefined) return false;
      slots[slot] = remembered;
    }
    out.copy(remembered.field, 0, remembered.field.length);
    return true;
  };
}

function isText(text: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let index = 0; index < text.length; index += 1) if (text[index] !== bytes[from + index]) return false;
  return true;
}
