import { Temporal } from 'temporal-polyfill';
import type { Column } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';

/** ISO 8601 calendar dates. */
export function dateParser(column: Column): CellParser {
  return (text) => {
    const date = text.trim();
    if (isRealDate(date)) return date;
    return new CellFault(
      'INVALID_DATE',
      `${quoted(text, column)} is not a date. Write year, month and day, like ${column.example}.`,
    );
  };
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isRealDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] ?? 0)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)? ?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * ISO 8601 timestamps, to text with an offset. One without an offset is local to the row's or the enablement's
 * time zone; a local time that daylight saving skips or repeats is refused unless the enablement says which to take.
 */
export function timestampParser(column: Column, spec: TransformerSpec): CellParser {
  const offsets = new LocalOffsets(spec.ambiguousLocalTime);
  return (text, row) => {
    const match = TIMESTAMP.exec(text.trim());
    const [, date = '', hour = '', minute = '', second = '00', fraction = '', offset] = match ?? [];
    if (
      !match ||
      !isRealDate(date) ||
      hour > '23' ||
      minute > '59' ||
      second > '59' ||
      /[1-9]/.test(fraction.slice(6))
    ) {
      return new CellFault(
        'INVALID_TIMESTAMP',
        `${quoted(text, column)} is not a date and time. Write it like ${column.example}.`,
      );
    }
    const local = `${date}T${hour}:${minute}`;
    const seconds = `${second}${fraction ? `.${fraction.slice(0, 6)}` : ''}`;
    if (offset !== undefined) {
      const plain = normaliseOffset(offset);
      return plain === undefined
        ? new CellFault(
            'INVALID_TIMESTAMP',
            `${quoted(text, column)} has an offset that does not exist. Write it like ${column.example}.`,
          )
        : `${local}:${seconds}${plain}`;
    }
    if (row.timeZone === undefined) {
      const message = `${quoted(text, column)} has no offset, and no time zone is known. Write it like ${column.example}, or fill in the time zone.`;
      return new CellFault('MISSING_TIME_ZONE', message);
    }
    const found = offsets.find(local, row.timeZone);
    if (found === 'skipped') {
      const message = `${quoted(text, column)} does not exist in ${row.timeZone}: the clocks skip it (daylight saving). Write the offset.`;
      return new CellFault('LOCAL_TIME_SKIPPED', message);
    }
    if (found === 'repeated') {
      const message = `${quoted(text, column)} happens twice in ${row.timeZone}, when the clocks go back. Write the offset to tell which is meant.`;
      return new CellFault('LOCAL_TIME_AMBIGUOUS', message);
    }
    return `${local}:${seconds}${found}`;
  };
}

/** `+02`, `+0200` and `Z` as `+02:00`; PostgreSQL takes offsets below 16 hours. */
function normaliseOffset(offset: string): string | undefined {
  if (offset === 'Z' || offset === 'z') return '+00:00';
  const hours = offset.slice(1, 3);
  const minutes = offset.slice(3).replace(':', '') || '00';
  return hours <= '15' && minutes <= '59' ? `${offset.charAt(0)}${hours}:${minutes}` : undefined;
}

/** Minutes of local time whose offset is remembered; a month of a restaurant has 44,640. */
const MAX_CACHED = 100_000;

/** Offsets of local times by zone and minute. Asking the time zone database for every row would take most of the time. */
class LocalOffsets {
  readonly #ambiguous: TransformerSpec['ambiguousLocalTime'];
  readonly #cache = new Map<string, string>();

  constructor(ambiguous: TransformerSpec['ambiguousLocalTime']) {
    this.#ambiguous = ambiguous;
  }

  /** `±HH:MM`, or why there is no answer. */
  find(local: string, timeZone: string): string {
    const key = timeZone + local;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const found = this.#compute(local, timeZone);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, found);
    return found;
  }

  #compute(local: string, timeZone: string): string {
    const time = Temporal.PlainDateTime.from(local);
    const earlier = time.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
    const later = time.toZonedDateTime(timeZone, { disambiguation: 'later' });
    if (earlier.offset === later.offset) return offsetMinutes(earlier.offset);
    const isSkipped = !earlier.toPlainDateTime().equals(time);
    if (this.#ambiguous === 'reject') return isSkipped ? 'skipped' : 'repeated';
    // In a gap "earlier" and "later" are moments beside it; their offsets are those of the other side.
    const chosen = this.#ambiguous === 'earlier' ? earlier : later;
    return offsetMinutes(isSkipped ? (chosen === earlier ? later : earlier).offset : chosen.offset);
  }
}

/** Offsets with seconds are of the 19th century; ISO 8601 text has none. */
const offsetMinutes = (offset: string): string => offset.slice(0, 6);
