import { Problem } from './problems.ts';

/** Longest text that a filter takes, in characters; file names have 255 bytes at most. */
const MAX_TEXT = 255;

/** PostgreSQL has no NUL in text. */
export const textParameter = (description: string) => ({
  type: 'string',
  minLength: 1,
  maxLength: MAX_TEXT,
  pattern: '^[^\\u0000]+$',
  description,
});

export const integerParameter = (
  description: string,
  range: { readonly minimum: number; readonly maximum: number; readonly default: number },
) => ({ type: 'integer', description, ...range });

export const wordParameter = (description: string, words: readonly string[]) => ({
  type: 'string',
  enum: words,
  description,
});

export const timeParameter = (description: string) => ({
  anyOf: [
    { type: 'string', format: 'date' },
    { type: 'string', format: 'date-time' },
  ],
  description: `${description} A day begins at midnight UTC.`,
});

/** The query of a route: these parameters and no other, so that a typo does not silently find everything. */
export const query = (properties: Readonly<Record<string, unknown>>) => ({
  type: 'object',
  properties,
  additionalProperties: false,
});

/** The instant that a parameter of the form above means; before 1970 there was nothing. @throws {Problem} */
export function instantOf(name: string, value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const time = new Date(value);
  // Ajv lets a leap second pass, which Date does not know.
  if (Number.isNaN(time.getTime()))
    throw invalid(name, 'a day or a time with its offset, such as 2026-02-20T08:00:00Z');
  return new Date(Math.max(0, time.getTime()));
}

export function invalid(name: string, expected: string): Problem {
  return new Problem('INVALID_PARAMETER', `The parameter ${name} has to be ${expected}.`);
}
