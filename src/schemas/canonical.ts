import type { Column } from './schema-type.ts';
import { isTimeZone } from './time-zones.ts';

/** The codes of ISO 4217 that this Node knows. */
export const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** True for days of the Gregorian calendar from year 1 on, which PostgreSQL's `date` and `timestamptz` hold. */
export function isRealDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] ?? 0)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

function isIsoDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return match !== null && isRealDay(Number(match[1]), Number(match[2]), Number(match[3]));
}

const ISO_TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)?$/;

/** What a value that an administrator wrote for a column should have been instead; undefined when it is right. */
export function whyNotCanonical(column: Column, text: string): string | undefined {
  const like = `Write it like ${column.example}.`;
  switch (column.type) {
    case 'string':
      return whyNotText(column, text);
    case 'integer':
      return /^-?\d{1,18}$/.test(text) ? undefined : `is not a whole number. ${like}`;
    case 'number':
      return fits(column, text)
        ? undefined
        : `is not a number with at most ${column.scale} decimals. ${like}`;
    case 'boolean':
      return text === 'true' || text === 'false' ? undefined : 'is neither true nor false.';
    case 'date':
      return isIsoDate(text) ? undefined : `is not a date. ${like}`;
    case 'datetime': {
      const date = ISO_TIMESTAMP.exec(text)?.[1];
      return date !== undefined && isIsoDate(date) ? undefined : `is not a date and time. ${like}`;
    }
    case 'object':
      return isObject(text) ? undefined : `is not a JSON object. ${like}`;
  }
}

function whyNotText(column: Column, text: string): string | undefined {
  if (column.enum) return column.enum.includes(text) ? undefined : `is not one of ${column.enum.join(', ')}.`;
  if (column.format === 'currency')
    return CURRENCIES.has(text) ? undefined : `is not a currency of ISO 4217, such as ${column.example}.`;
  if (column.format === 'timeZone')
    return isTimeZone(text) ? undefined : `is not an IANA time zone, such as ${column.example}.`;
  return text.length <= column.maxLength ? undefined : `has more than ${column.maxLength} characters.`;
}

function fits({ precision, scale }: Column, text: string): boolean {
  const [, whole = '', fraction = ''] = /^-?(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return whole !== '' && whole.length <= precision - scale && fraction.length <= scale;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
