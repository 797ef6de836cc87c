import type { Column } from '../../schemas/schema-type.ts';
import { MAX_NESTING } from '../read/limits.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';

const BOOLEANS: ReadonlyMap<string, 'true' | 'false'> = new Map([
  ...(['true', 'yes', 'y', 't', '1'] as const).map((text) => [text, 'true'] as const),
  ...(['false', 'no', 'n', 'f', '0'] as const).map((text) => [text, 'false'] as const),
]);

export function booleanParser(column: Column): CellParser {
  return (text) =>
    BOOLEANS.get(text.trim().toLowerCase()) ??
    new CellFault(
      'INVALID_BOOLEAN',
      `${quoted(text, column)} is neither true nor false. Write true or false, yes or no, 1 or 0.`,
    );
}

/** A JSON object, kept as the file writes it: jsonb holds its numbers exactly. */
export function jsonObjectParser(column: Column): CellParser {
  return (text) => {
    const reason = whyNotJsonObject(text);
    if (reason === undefined) return text;
    return new CellFault(
      'INVALID_JSON_VALUE',
      `${quoted(text, column)} ${reason}. Write a JSON object like ${column.example}.`,
    );
  };
}

function whyNotJsonObject(text: string): string | undefined {
  if (nesting(text) > MAX_NESTING) return `is nested deeper than ${MAX_NESTING} levels`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not an object';
  return whyNotJsonb(text);
}

/** PostgreSQL has no place for these in jsonb: NUL, half of a surrogate pair, numbers beyond its range. */
function whyNotJsonb(json: string): string | undefined {
  // Without escaped backslashes, so that what follows a backslash is an escape.
  const escapes = json.replaceAll('\\\\', '');
  if (/\\u0000/.test(escapes)) return 'has a NUL character';
  const pairs = escapes.replace(/\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/g, '');
  if (/\\u[dD][89a-fA-F]/.test(pairs) || !json.isWellFormed()) return 'has half a character';
  const numbers = json.replace(/"(?:[^"\\]|\\.)*"/g, '');
  if (/[eE][+-]?\d{4,}/.test(numbers)) return 'has a number that is too large';
  if (TOO_MANY_DIGITS.test(numbers)) return `has a number of more than ${MAX_JSON_DIGITS} digits`;
  return undefined;
}

/** Far more than any amount has, and far less than PostgreSQL's 16,383 behind the decimal point. */
const MAX_JSON_DIGITS = 1_000;
/** Looks at a run of digits from its first one only: a record may have a thousand runs that are just short enough. */
const TOO_MANY_DIGITS = new RegExp(`(?<!\\d)\\d{${MAX_JSON_DIGITS + 1}}`);

/** At most this deep, counted without regard to strings, so that no parser has to recurse to find out. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth -= 1;
  }
  return deepest;
}
