import type { CopyRows } from './copy-rows.ts';
import { digit, type EncodeField, isDigit } from './values.ts';

const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;

const number2 = (bytes: Buffer, at: number): number => {
  const tens = digit(bytes, at);
  const ones = digit(bytes, at + 1);
  return isDigit(tens) && isDigit(ones) ? tens * 10 + ones : Number.NaN;
};

const MONTH_LENGTHS = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const NO_DATE = Number.MIN_SAFE_INTEGER;

/** Days from 1 January 2000 to the date `YYYY-MM-DD` at this place, or {@link NO_DATE}. */
function daysAt(bytes: Buffer, at: number): number {
  if (bytes[at + 4] !== MINUS || bytes[at + 7] !== MINUS) return NO_DATE;
  const year = number2(bytes, at) * 100 + number2(bytes, at + 2);
  const month = number2(bytes, at + 5);
  const day = number2(bytes, at + 8);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= (MONTH_LENGTHS[month] as number)))
    return NO_DATE;
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0))) return NO_DATE;
  // Howard Hinnant's days_from_civil: years begin in March, so that the leap day is their last.
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 730_425;
}

export const encodeDate: EncodeField = (out, bytes, from, to) => {
  const days = to - from === 10 ? daysAt(bytes, from) : NO_DATE;
  if (days === NO_DATE) return false;
  out.int32(4);
  out.int32(days);
  return true;
};

/** The instant that was encoded last, from 1 January 2000. */
export interface Instant {
  seconds: number;
  microseconds: number;
}

const UPPER_T = 'T'.charCodeAt(0);
const UPPER_Z = 'Z'.charCodeAt(0);
const SPACE = 0x20;
const PLUS = 0x2b;

/** `YYYY-MM-DDTHH:MM:SS[.f]` with `Z` or `±HH:MM`; leaves the instant in `last`, for rules between columns. */
export function timestampEncoder(last: Instant): EncodeField {
  return (out, bytes, from, to) => {
    const days = to - from >= 20 ? daysAt(bytes, from) : NO_DATE;
    if (days === NO_DATE) return false;
    const separator = bytes[from + 10];
    if (
      (separator !== UPPER_T && separator !== SPACE) ||
      bytes[from + 13] !== COLON ||
      bytes[from + 16] !== COLON
    )
      return false;
    const hour = number2(bytes, from + 11);
    const minute = number2(bytes, from + 14);
    const second = number2(bytes, from + 17);
    if (!(hour <= 23 && minute <= 59 && second <= 59)) return false;
    let at = from + 19;
    let microseconds = 0;
    if (bytes[at] === POINT) {
      const first = at + 1;
      for (at = first; at < to && isDigit(digit(bytes, at)); at += 1)
        microseconds = microseconds * 10 + digit(bytes, at);
      if (at === first || at - first > 6) return false;
      for (let digits = at - first; digits < 6; digits += 1) microseconds *= 10;
    }
    const offset = offsetAt(bytes, at, to);
    if (Number.isNaN(offset)) return false;
    last.seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    last.microseconds = microseconds;
    writeInstant(out, last);
    return true;
  };
}

/** Seconds of the offset that fills the rest of the text, or NaN. PostgreSQL takes offsets below 16 hours. */
function offsetAt(bytes: Buffer, at: number, to: number): number {
  const sign = bytes[at];
  if (sign === UPPER_Z && at + 1 === to) return 0;
  if ((sign !== PLUS && sign !== MINUS) || at + 6 !== to || bytes[at + 3] !== COLON) return Number.NaN;
  const hours = number2(bytes, at + 1);
  const minutes = number2(bytes, at + 4);
  if (!(hours <= 15 && minutes <= 59)) return Number.NaN;
  const seconds = hours * 3_600 + minutes * 60;
  return sign === MINUS ? -seconds : seconds;
}

/** Microseconds as 64 bits. They do not fit a double, so they are put together from two parts that do. */
function writeInstant(out: CopyRows, { seconds, microseconds }: Instant): void {
  // 4,096,000,000 µs are 15,625 × 2^18.
  const blocks = Math.floor(seconds / 4_096);
  const scaled = blocks * 15_625;
  let high = Math.floor(scaled / 2 ** 14);
  let low = (scaled - high * 2 ** 14) * 2 ** 18 + (seconds - blocks * 4_096) * 1_000_000 + microseconds;
  if (low >= 2 ** 32) {
    low -= 2 ** 32;
    high += 1;
  }
  out.int32(8);
  out.int32(high);
  out.int32(low);
}
