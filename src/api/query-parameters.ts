import { Problem } from './problems.ts';

/** The query of a request, as the framework parsed it: a repeated parameter is a list. */
export type Query = Readonly<Record<string, unknown>>;

/** Longest text that a filter takes, in characters; file names have 255 bytes at most. */
const MAX_TEXT = 255;

/** A parameter that was given once and can be searched for; undefined when it is absent. @throws {Problem} */
export function textParameter(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  // PostgreSQL has no NUL in text.
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT || value.includes('\0'))
    throw invalid(name, `a text of 1 to ${MAX_TEXT} characters, given once`);
  return value;
}

/** @throws {Problem} when it is not a whole number in the range */
export function integerParameter(
  query: Query,
  name: string,
  range: { readonly minimum: number; readonly maximum: number; readonly fallback: number },
): number {
  const { minimum, maximum, fallback } = range;
  const value = query[name];
  if (value === undefined) return fallback;
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= minimum && number <= maximum))
    throw invalid(name, `a whole number from ${minimum} to ${maximum}`);
  return number;
}

/** @throws {Problem} when it is not one of the words */
export function wordParameter<Word extends string>(
  query: Query,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (!found) throw invalid(name, `one of ${words.join(', ')}`);
  return found;
}

/** An instant such as `2026-02-20T08:00:00Z`, or a day, which begins at midnight UTC. @throws {Problem} */
export function timeParameter(query: Query, name: string): Date | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
  const time = new Date(typeof value === 'string' && iso.test(value) ? value : Number.NaN);
  if (Number.isNaN(time.getTime()) || time.getTime() < 0)
    throw invalid(name, 'a day or a time with its offset, such as 2026-02-20 or 2026-02-20T08:00:00Z');
  return time;
}

export function invalid(name: string, expected: string): Problem {
  return new Problem('INVALID_PARAMETER', `The parameter ${name} has to be ${expected}.`);
}
