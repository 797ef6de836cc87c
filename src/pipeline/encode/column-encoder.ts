import type { Column } from '../../schemas/schema-type.ts';
import type { CellParser } from '../transform/cell.ts';
import type { CompiledColumn } from '../transform/columns.ts';
import type { CopyRows } from './copy-rows.ts';
import { encodeDate, type Instant, timestampEncoder } from './instants.ts';
import { rememberFields } from './remembered-fields.ts';
import {
  decimalEncoder,
  type EncodeField,
  encodeBoolean,
  encodeInteger,
  encodeJson,
  encodeText,
  FIELD_OVERHEAD,
} from './values.ts';

/** One column, ready to write fields of a COPY. */
export interface ColumnEncoder {
  readonly compiled: CompiledColumn;
  /** The one slot whose cell may be taken from its bytes; -1: there is none. */
  readonly slot: number;
  /** From a cell's bytes as the file has them. False: the column's parser has to see it. */
  readonly encodeCell: EncodeField;
  /** From what the column's parser made; `room` is kept free for the rest of the row. */
  readonly encodeValue: (out: CopyRows, value: string, room: number) => void;
}

/** @param instant is where the column leaves its point in time */
export function compileColumnEncoder(compiled: CompiledColumn, instant: Instant): ColumnEncoder {
  const { column, constant, slots } = compiled;
  const encode = encoderFor(column, instant);
  const encodeValue = (out: CopyRows, value: string, room: number) => {
    const bytes = Buffer.from(value, 'utf8');
    out.reserve(bytes.length + FIELD_OVERHEAD + room);
    if (!encode(out, bytes, 0, bytes.length))
      throw new Error(`The value made for ${column.name} is not a plain ${column.sqlType}.`);
  };
  const slot = constant === undefined && slots.length === 1 ? (slots[0] as number) : -1;
  return { compiled, slot, encodeCell: cellEncoder(compiled, encode, encodeValue), encodeValue };
}

function encoderFor(column: Column, instant: Instant): EncodeField {
  switch (column.type) {
    case 'string':
      return encodeText;
    case 'integer':
      return encodeInteger;
    case 'number':
      return decimalEncoder(column);
    case 'boolean':
      return encodeBoolean;
    case 'date':
      return encodeDate;
    case 'datetime':
      return timestampEncoder(instant);
    case 'object':
      return encodeJson;
  }
}

const NEVER: EncodeField = () => false;

/**
 * What may be taken from the bytes without asking the column's parser, which stays the judge: where the enablement
 * says how the file writes the column, or the parser does not leave a sample as it is, nothing is taken but what
 * the parser has seen before.
 */
function cellEncoder(
  compiled: CompiledColumn,
  encode: EncodeField,
  encodeValue: ColumnEncoder['encodeValue'],
): EncodeField {
  const { column, parse, plain } = compiled;
  const remembered = () => rememberFields(compiled, encodeValue);
  switch (column.type) {
    case 'string':
      if (column.enum || column.format) return remembered();
      return plain && keeps(parse, 'A') && keeps(parse, '0') ? plainText(compiled) : remembered();
    case 'boolean':
    case 'date':
      return remembered();
    case 'integer':
      return plain && keeps(parse, '7000') ? plainInteger(column, encode) : remembered();
    case 'number':
      return plain && keeps(parse, sampleNumber(column)) ? plainNumber(column, encode) : remembered();
    case 'datetime':
      return plain && keeps(parse, '2026-02-03T10:15:30.5-05:00') ? encode : NEVER;
    case 'object':
      return NEVER;
  }
}

const keeps = (parse: CellParser, sample: string): boolean =>
  parse(sample, { timeZone: undefined }) === sample;

function sampleNumber({ precision, scale }: Column): string {
  return `${precision - scale >= 4 ? '7000' : '0'}${scale > 0 ? '.5' : ''}`;
}

const PLUS = 0x2b;

/**
 * Begins with a visible ASCII character, so that it is not blank in any script, and is short enough in bytes. In a
 * key, what a spreadsheet made of a long number is for the parser: it has a plus sign.
 */
function plainText({ column: { maxLength }, parse }: CompiledColumn): EncodeField {
  const refusesShortened = !keeps(parse, '1.5E+12');
  return (out, bytes, from, to) => {
    const first = bytes[from] as number;
    if (first <= 0x20 || first >= 0x7f || to - from > maxLength) return false;
    if (refusesShortened) for (let at = from; at < to; at += 1) if (bytes[at] === PLUS) return false;
    return encodeText(out, bytes, from, to);
  };
}

/** Whole numbers that a double holds. */
const PLAIN_DIGITS = 15;

function plainInteger({ minimum }: Column, encode: EncodeField): EncodeField {
  return (out, bytes, from, to) => {
    if (to - from > PLAIN_DIGITS) return false;
    if (minimum !== undefined && !(Number(bytes.toString('latin1', from, to)) >= minimum)) return false;
    return encode(out, bytes, from, to);
  };
}

function plainNumber({ minimum }: Column, encode: EncodeField): EncodeField {
  if (minimum === undefined) return encode;
  return (out, bytes, from, to) =>
    Number(bytes.toString('latin1', from, to)) >= minimum && encode(out, bytes, from, to);
}
