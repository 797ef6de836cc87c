import type { Column } from '../../schemas/schema-type.ts';
import type { CopyRows } from './copy-rows.ts';

/**
 * Writes a value as a field of the binary COPY format, from the bytes of its plain form: what PostgreSQL itself would
 * print, give or take zeros. Returns false, and has written nothing, for bytes that are not of that form. Room for
 * {@link fieldRoom} has been reserved.
 */
export type EncodeField = (out: CopyRows, bytes: Buffer, from: number, to: number) => boolean;

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

export const digit = (bytes: Buffer, at: number): number => (bytes[at] as number) - ZERO;
export const isDigit = (value: number): boolean => value >= 0 && value <= 9;

/** Most bytes that a field can take beyond the text that it comes from: its length, and the head of a number. */
export const FIELD_OVERHEAD = 20;

/** Text of any content; whether it is text that may be loaded is for the caller to know. */
export const encodeText: EncodeField = (out, bytes, from, to) => {
  out.int32(to - from);
  out.copy(bytes, from, to);
  return true;
};

/** jsonb has a version before its text. */
export const encodeJson: EncodeField = (out, bytes, from, to) => {
  out.int32(to - from + 1);
  out.byte(1);
  out.copy(bytes, from, to);
  return true;
};

const T = 't'.charCodeAt(0);

/** `true` and `false`, as the transformer writes them. */
export const encodeBoolean: EncodeField = (out, bytes, from) => {
  out.int32(1);
  out.byte(bytes[from] === T ? 1 : 0);
  return true;
};

const SAFE_DIGITS = 15;

/** Whole numbers; with more than 15 digits by BigInt, because a double does not hold them. */
export const encodeInteger: EncodeField = (out, bytes, from, to) => {
  const negative = bytes[from] === MINUS;
  const first = negative ? from + 1 : from;
  if (to === first) return false;
  let value = 0;
  for (let at = first; at < to; at += 1) {
    const next = digit(bytes, at);
    if (!isDigit(next)) return false;
    value = value * 10 + next;
  }
  if (to - first > SAFE_DIGITS) return encodeLong(out, bytes.toString('latin1', from, to));
  if (negative) value = -value;
  out.int32(8);
  const high = Math.floor(value / 2 ** 32);
  out.int32(high);
  out.int32(value - high * 2 ** 32);
  return true;
};

function encodeLong(out: CopyRows, text: string): boolean {
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value) return false;
  out.int32(8);
  out.bytes.writeBigInt64BE(value, out.at);
  out.at += 8;
  return true;
}

/**
 * `numeric(p,s)` in its own form: groups of four decimal digits to the left and right of the point, so that no
 * amount ever is a float. Groups of zeros at either end are left out; zero has none at all.
 */
export function decimalEncoder({ precision, scale }: Column): EncodeField {
  const whole = precision - scale;
  return (out, bytes, from, to) => {
    const negative = bytes[from] === MINUS;
    let at = negative ? from + 1 : from;
    const integerFrom = at;
    while (at < to && isDigit(digit(bytes, at))) at += 1;
    const integerTo = at;
    if (integerTo === integerFrom) return false;
    if (at < to && bytes[at] === POINT) {
      at += 1;
      while (at < to && isDigit(digit(bytes, at))) at += 1;
    }
    const fractionTo = at;
    const fraction = integerTo < fractionTo ? fractionTo - integerTo - 1 : 0;
    if (at !== to || fraction > scale || (fraction === 0 && integerTo < to)) return false;
    let significant = integerFrom;
    while (significant < integerTo && bytes[significant] === ZERO) significant += 1;
    if (integerTo - significant > whole) return false;
    writeDecimal(out, bytes, significant, integerTo, fractionTo, negative, scale);
    return true;
  };
}

function writeDecimal(
  out: CopyRows,
  bytes: Buffer,
  from: number,
  point: number,
  to: number,
  negative: boolean,
  scale: number,
): void {
  const start = out.at;
  // The length, then groups, weight, sign and scale; all but the scale are known at the end.
  out.at += 10;
  out.int16(scale);
  let groups = 0;
  let kept = 0;
  let weight = 0;
  const add = (group: number) => {
    if (group === 0 && groups === 0) weight -= 1;
    else {
      out.int16(group);
      groups += 1;
      if (group !== 0) kept = groups;
    }
  };
  const firstLength = (point - from) % 4;
  weight = Math.ceil((point - from) / 4) - 1;
  let at = from;
  if (firstLength > 0) {
    add(groupOf(bytes, at, at + firstLength));
    at += firstLength;
  }
  for (; at < point; at += 4) add(groupOf(bytes, at, at + 4));
  for (at = point + 1; at < to; at += 4) {
    const end = Math.min(at + 4, to);
    add(groupOf(bytes, at, end) * (TENS[4 - (end - at)] as number));
  }
  const end = start + 12 + 2 * kept;
  out.at = start;
  out.int32(8 + 2 * kept);
  out.int16(kept);
  out.int16(kept === 0 ? 0 : weight);
  out.int16(negative && kept > 0 ? 0x4000 : 0);
  out.at = end;
}

const TENS = [1, 10, 100, 1_000];

function groupOf(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) value = value * 10 + digit(bytes, at);
  return value;
}
