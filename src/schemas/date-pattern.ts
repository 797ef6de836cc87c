import { zoneAbbreviation } from './time-zones.ts';

/** What a text says, digit by digit; whether such a day and time exist is for the reader to find out. */
export interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Digits behind the second's decimal point, at most six. */
  readonly fraction: string;
  /** `Z`, `+02`, `+0200` or `+02:00`. */
  readonly offset: string | undefined;
  /** An abbreviation such as EST. */
  readonly zone: string | undefined;
}

/** A compiled pattern such as `MM/dd/yyyy h:mm a`: a small part of Unicode's date field symbols (TR 35). */
export interface DatePattern {
  readonly text: string;
  readonly hasTime: boolean;
  read(text: string): DateParts | undefined;
  write(parts: DateParts, timeZone: string | undefined): string;
}

/** A pattern that cannot be compiled. The message says what is wrong with it and what to write. */
class DatePatternError extends Error {
  override readonly name = 'DatePatternError';
}

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const SHORT_MONTHS = MONTHS.map((name) => name.slice(0, 3));

interface Field {
  readonly part:
    | 'year'
    | 'month'
    | 'day'
    | 'hour'
    | 'minute'
    | 'second'
    | 'fraction'
    | 'half'
    | 'offset'
    | 'zone';
  readonly regex: string;
  /** Takes digits: none of these may directly follow one that takes one or two. */
  readonly digits?: 'fixed' | 'open';
  readonly value?: (text: string) => number;
  readonly write: (parts: DateParts, timeZone: string | undefined) => string;
}

const two = (value: number) => String(value).padStart(2, '0');
const onClock = (hour: number) => (hour % 12 === 0 ? 12 : hour % 12);

function numeric(part: 'month' | 'day' | 'hour' | 'minute' | 'second', width: 1 | 2, half = false): Field {
  const shown = (parts: DateParts) => (half ? onClock(parts.hour) : parts[part]);
  return width === 2
    ? { part, regex: '\\d{2}', digits: 'fixed', write: (parts) => two(shown(parts)) }
    : { part, regex: '\\d{1,2}', digits: 'open', write: (parts) => String(shown(parts)) };
}

function named(names: readonly string[]): Field {
  const value = (text: string) => names.findIndex((name) => name.toLowerCase() === text.toLowerCase()) + 1;
  return { part: 'month', regex: names.join('|'), value, write: ({ month }) => names[month - 1] ?? '' };
}

const OFFSET: Field = {
  part: 'offset',
  regex: 'Z|[+-]\\d{2}(?::?\\d{2})?',
  write: ({ offset }) => offset ?? 'Z',
};

/** Two digits of a year are of this century: exports are about what has just happened. */
const CENTURY = 2000;

const FIELDS: Readonly<Record<string, Field>> = {
  yyyy: {
    part: 'year',
    regex: '\\d{4}',
    digits: 'fixed',
    write: ({ year }) => String(year).padStart(4, '0'),
  },
  yy: {
    part: 'year',
    regex: '\\d{2}',
    digits: 'fixed',
    value: (text) => CENTURY + Number(text),
    write: ({ year }) => two(year % 100),
  },
  MMMM: named(MONTHS),
  MMM: named(SHORT_MONTHS),
  MM: numeric('month', 2),
  M: numeric('month', 1),
  dd: numeric('day', 2),
  d: numeric('day', 1),
  HH: numeric('hour', 2),
  H: numeric('hour', 1),
  hh: numeric('hour', 2, true),
  h: numeric('hour', 1, true),
  mm: numeric('minute', 2),
  m: numeric('minute', 1),
  ss: numeric('second', 2),
  s: numeric('second', 1),
  a: {
    part: 'half',
    regex: '[AaPp](?:[Mm]|\\.[Mm]\\.)',
    value: (text) => (text.toLowerCase().startsWith('p') ? 12 : 0),
    write: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  },
  X: OFFSET,
  XX: OFFSET,
  XXX: OFFSET,
  z: {
    part: 'zone',
    regex: '[A-Za-z]{2,5}',
    write: (parts, timeZone) => parts.zone ?? zoneAbbreviation(timeZone ?? 'UTC', instantOf(parts)),
  },
};

/** Unicode counts fractional digits by letters; more than six would be lost in PostgreSQL. */
function fractionField(letters: string): Field | undefined {
  if (!/^S{1,6}$/.test(letters)) return undefined;
  const { length } = letters;
  const write = ({ fraction }: DateParts) => fraction.padEnd(length, '0').slice(0, length);
  return { part: 'fraction', regex: `\\d{${length}}`, digits: 'fixed', write };
}

const KNOWN = 'yyyy, yy, MMMM, MMM, MM, M, dd, d, HH, H, hh, h, mm, m, ss, s, S to SSSSSS, a, X and z';

type Piece = Field | string;

/** @throws {DatePatternError} */
export function compileDatePattern(text: string, kind: 'date' | 'timestamp'): DatePattern {
  const pieces = parse(text);
  expectFields(pieces, kind);
  const fields = pieces.filter((piece) => typeof piece !== 'string');
  const source = pieces.map((piece) => (typeof piece === 'string' ? literal(piece) : `(${piece.regex})`));
  const regex = new RegExp(`^${source.join('')}$`, 'i');
  const halfDay = fields.some(({ part }) => part === 'half');
  return {
    text,
    hasTime: fields.some(({ part }) => part === 'minute'),
    read: (value) => read(value, regex, fields, halfDay),
    write: (parts, timeZone) =>
      pieces.map((piece) => (typeof piece === 'string' ? piece : piece.write(parts, timeZone))).join(''),
  };
}

/** What is wrong with a pattern; undefined when nothing is. */
export function whyNotDatePattern(text: string, kind: 'date' | 'timestamp'): string | undefined {
  try {
    compileDatePattern(text, kind);
    return undefined;
  } catch (error) {
    if (error instanceof DatePatternError) return error.message;
    throw error;
  }
}

function parse(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [token] of text.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
    if (token === "'") throw new DatePatternError(`A quote (') is never closed in ${JSON.stringify(text)}.`);
    if (token.startsWith("'")) pieces.push(token === "''" ? "'" : token.slice(1, -1).replaceAll("''", "'"));
    else if (/^[A-Za-z]/.test(token))
      pieces.push(FIELDS[token] ?? fractionField(token) ?? unknownField(token));
    else pieces.push(token);
  }
  return joined(pieces);
}

/** Texts side by side become one: two that may each be any number of spaces could share those of a file in many ways. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const before = result.at(-1);
    if (typeof piece === 'string' && typeof before === 'string') result.splice(-1, 1, before + piece);
    else result.push(piece);
  }
  return result;
}

function unknownField(token: string): never {
  const other =
    token.startsWith('Y') || token.startsWith('D') ? token.toLowerCase() : token.startsWith('A') ? 'a' : '';
  const hint =
    other in FIELDS ? ` Write ${other}.` : ` Known are ${KNOWN}; put plain letters in quotes ('T').`;
  throw new DatePatternError(`${token} means nothing in a date pattern.${hint}`);
}

function expectFields(pieces: readonly Piece[], kind: 'date' | 'timestamp'): void {
  const seen = new Set<string>();
  for (const [index, piece] of pieces.entries()) {
    if (typeof piece === 'string') continue;
    if (seen.has(piece.part)) throw new DatePatternError(`The ${piece.part} is there twice.`);
    seen.add(piece.part);
    const next = pieces[index + 1];
    if (piece.digits === 'open' && next !== undefined && typeof next !== 'string' && next.digits)
      throw new DatePatternError(`Between the ${piece.part} and the ${next.part} a separator is needed.`);
  }
  const clock = kind === 'timestamp' ? (['hour', 'minute'] as const) : [];
  const missing = (['year', 'month', 'day', ...clock] as const).filter((part) => !seen.has(part));
  if (missing.length > 0) throw new DatePatternError(`It lacks the ${missing.join(', the ')}.`);
  const twelve = pieces.includes(FIELDS.h as Field) || pieces.includes(FIELDS.hh as Field);
  if (twelve !== seen.has('half'))
    throw new DatePatternError(
      twelve ? 'h needs a (AM or PM); hours of a day are H.' : 'a goes with h, not with H.',
    );
}

/** Programs put a no-break space before AM and PM, so a space stands for any. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/ +/g, '[ \\u00a0\\u202f]+');
}

function read(
  text: string,
  regex: RegExp,
  fields: readonly Field[],
  halfDay: boolean,
): DateParts | undefined {
  const match = regex.exec(text);
  if (!match) return undefined;
  const numbers = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, half: 0 };
  let fraction = '';
  let offset: string | undefined;
  let zone: string | undefined;
  for (const [index, field] of fields.entries()) {
    const found = match[index + 1] ?? '';
    if (field.part === 'fraction') fraction = found;
    else if (field.part === 'offset') offset = found;
    else if (field.part === 'zone') zone = found.toUpperCase();
    else numbers[field.part] = field.value ? field.value(found) : Number(found);
  }
  if (halfDay && (numbers.hour < 1 || numbers.hour > 12)) return undefined;
  const { half, ...rest } = numbers;
  const hour = halfDay ? (numbers.hour % 12) + half : numbers.hour;
  return { ...rest, hour, fraction, offset, zone };
}

function instantOf({ year, month, day, hour, minute }: DateParts): number {
  return Date.UTC(year, month - 1, day, hour, minute);
}
