import { isRealDay } from '../../schemas/canonical.ts';
import type { DateParts, DatePattern } from '../../schemas/date-pattern.ts';
import type { Column } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CellFault, type CellParser, quoted, type RowContext } from './cell.ts';
import { LocalOffsets } from './local-offsets.ts';

/** How a file writes its dates: ISO 8601 unless there is a pattern, and an example for messages. */
export interface DateForm {
  readonly pattern: DatePattern | undefined;
  readonly example: string;
}

/** Calendar dates. A pattern may have a time as well, which has to exist and is not kept. */
export function dateParser(column: Column, { pattern, example }: DateForm): CellParser {
  const read = pattern ? pattern.read : readIsoDate;
  return (text) => {
    const parts = read(text.trim());
    if (parts && isRealDay(parts.year, parts.month, parts.day) && isRealTime(parts)) return dateText(parts);
    return new CellFault(
      'INVALID_DATE',
      pattern
        ? `${quoted(text, column)} is not a date of the form ${pattern.text}. Write it like ${example}.`
        : `${quoted(text, column)} is not a date. Write year, month and day, like ${example}.`,
    );
  };
}

/**
 * Timestamps, to text with an offset. One without an offset is local to the row's or the enablement's time zone; a
 * local time that daylight saving skips or repeats is refused unless the enablement says which to take.
 */
export function timestampParser(column: Column, spec: TransformerSpec, form: DateForm): CellParser {
  const { pattern, example } = form;
  const read = pattern ? pattern.read : readIsoTimestamp;
  const offsets = new LocalOffsets(spec.ambiguousLocalTime);
  const malformed = (text: string) => {
    const shape = pattern ? ` of the form ${pattern.text}` : '';
    const message = `${quoted(text, column)} is not a date and time${shape}. Write it like ${example}.`;
    return new CellFault('INVALID_TIMESTAMP', message);
  };
  return (text, row) => {
    const parts = read(text.trim());
    if (!parts || !isRealDay(parts.year, parts.month, parts.day) || !isRealTime(parts))
      return malformed(text);
    if (parts.offset === undefined) return inZone(text, parts, row, column, offsets);
    const offset = normaliseOffset(parts.offset);
    if (offset !== undefined) return timestampText(parts, offset);
    const message = `${quoted(text, column)} has an offset that does not exist. Write it like ${example}.`;
    return new CellFault('INVALID_TIMESTAMP', message);
  };
}

function inZone(
  text: string,
  written: DateParts,
  row: RowContext,
  column: Column,
  offsets: LocalOffsets,
): string | CellFault {
  if (row.timeZone === undefined) {
    const message = `${quoted(text, column)} has no offset, and no time zone is known. Write it like ${column.example}, or fill in the time zone.`;
    return new CellFault('MISSING_TIME_ZONE', message);
  }
  const parts = row.nextDay ? dayAfter(written) : written;
  const found = offsets.find(`${dateText(parts)}T${clockText(parts)}`, row.timeZone, parts.zone);
  if (found === 'other-abbreviation') {
    const message = `${quoted(text, column)} says ${parts.zone}, which is not the time of ${row.timeZone} on that day. Check the time zone.`;
    return new CellFault('OTHER_TIME_ZONE', message);
  }
  if (found === 'skipped') {
    const message = `${quoted(text, column)} does not exist in ${row.timeZone}: the clocks skip it (daylight saving). Write the offset, like ${column.example}.`;
    return new CellFault('LOCAL_TIME_SKIPPED', message);
  }
  if (found === 'repeated') {
    const message = `${quoted(text, column)} happens twice in ${row.timeZone}, when the clocks go back. Write the offset to tell which is meant, like ${column.example}.`;
    return new CellFault('LOCAL_TIME_AMBIGUOUS', message);
  }
  return timestampText(parts, found);
}

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const MIDNIGHT = { hour: 0, minute: 0, second: 0, fraction: '', offset: undefined, zone: undefined };

function readIsoDate(text: string): DateParts | undefined {
  const match = ISO_DATE.exec(text);
  return match
    ? { ...MIDNIGHT, year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) }
    : undefined;
}

const ISO_TIMESTAMP =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)? ?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;

/** More digits than PostgreSQL keeps are accepted as long as they are zeros. */
function readIsoTimestamp(text: string): DateParts | undefined {
  const match = ISO_TIMESTAMP.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0));
  const fraction = match[7] ?? '';
  if (/[1-9]/.test(fraction.slice(6))) return undefined;
  return {
    ...{ year: year as number, month: month as number, day: day as number },
    ...{ hour: hour as number, minute: minute as number, second: second as number },
    fraction: fraction.slice(0, 6),
    offset: match[8],
    zone: undefined,
  };
}

const isRealTime = ({ hour, minute, second }: DateParts) => hour <= 23 && minute <= 59 && second <= 59;

/** The calendar day after, for a shift that ends after midnight. */
function dayAfter(parts: DateParts): DateParts {
  if (isRealDay(parts.year, parts.month, parts.day + 1)) return { ...parts, day: parts.day + 1 };
  if (parts.month < 12) return { ...parts, month: parts.month + 1, day: 1 };
  return { ...parts, year: parts.year + 1, month: 1, day: 1 };
}

const digits = (value: number, width: number) => String(value).padStart(width, '0');
const dateText = ({ year, month, day }: DateParts) =>
  `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
const clockText = ({ hour, minute }: DateParts) => `${digits(hour, 2)}:${digits(minute, 2)}`;

function timestampText(parts: DateParts, offset: string): string {
  const fraction = parts.fraction ? `.${parts.fraction}` : '';
  return `${dateText(parts)}T${clockText(parts)}:${digits(parts.second, 2)}${fraction}${offset}`;
}

/** `+02`, `+0200` and `Z` as `+02:00`; PostgreSQL takes offsets below 16 hours. */
function normaliseOffset(offset: string): string | undefined {
  if (offset === 'Z' || offset === 'z') return '+00:00';
  const hours = offset.slice(1, 3);
  const minutes = offset.slice(3).replace(':', '') || '00';
  return hours <= '15' && minutes <= '59' ? `${offset.charAt(0)}${hours}:${minutes}` : undefined;
}
