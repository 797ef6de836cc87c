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
  // PostgreSQL has no place for these in jsonb: NUL, half of a surrogate pair, numbers beyond its range.
  if (/\\u0000/.test(text)) return 'has a NUL character';
  if (/\\u[dD][89a-fA-F]/.test(text) && !JSON.stringify(value).isWellFormed()) return 'has half a character';
  if (/\\u[dD][89a-fA-F]/.test(text) && /\\ud[89a-f]/i.test(JSON.stringify(value)))
    return 'has half a character';
  if (/\d[eE][+-]?\d{4,}/.test(text)) return 'has a number that is too large';
  return undefined;
}

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
