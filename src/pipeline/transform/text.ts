import { CURRENCIES } from '../../schemas/canonical.ts';
import type { Column } from '../../schemas/schema-type.ts';
import { isTimeZone } from '../../schemas/time-zones.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';

/** How a spreadsheet writes a long number that it was not told to leave alone: the digits are gone. */
const SPREADSHEET_NUMBER = /^\d(?:\.\d+)?E\+\d{2,}$/;

/**
 * Text is kept as it is, spaces included; lists and codes are matched without regard to case.
 * @param identifies the column is part of the key: a value that a spreadsheet shortened would merge strangers
 */
export function textParser(column: Column, identifies = false): CellParser {
  if (column.enum) return enumParser(column, column.enum);
  if (column.format === 'currency') return currencyParser(column);
  if (column.format === 'timeZone') return timeZoneParser(column);
  return (text) => {
    if (text.length > column.maxLength) {
      return new CellFault(
        'TOO_LONG',
        `${quoted(text, column)} has ${text.length} characters; ${column.maxLength} are accepted.`,
      );
    }
    if (text.includes('\0'))
      return new CellFault('NUL_CHARACTER', `The value of ${column.name} has a NUL character. Remove it.`);
    if (!text.isWellFormed())
      return new CellFault(
        'BROKEN_CHARACTER',
        `The value of ${column.name} has half of a character (a lone surrogate). Export the file again.`,
      );
    if (identifies && SPREADSHEET_NUMBER.test(text)) {
      const message = `${quoted(text, column)} was shortened by a spreadsheet, and its digits are lost. Export the file again and send it without opening it, or format the column as text first.`;
      return new CellFault('SPREADSHEET_NUMBER', message);
    }
    return text;
  };
}

function enumParser(column: Column, values: readonly string[]): CellParser {
  const known = new Map(values.map((value) => [value, value]));
  const list = values.join(', ');
  return (text) =>
    known.get(text) ??
    known.get(
      text
        .trim()
        .toLowerCase()
        .replace(/[\s-]+/g, '_'),
    ) ??
    new CellFault('NOT_IN_LIST', `${quoted(text, column)} is not one of ${list}.`);
}

function currencyParser(column: Column): CellParser {
  return (text) => {
    if (CURRENCIES.has(text)) return text;
    const code = text.trim().toUpperCase();
    if (CURRENCIES.has(code)) return code;
    return new CellFault(
      'INVALID_CURRENCY',
      `${quoted(text, column)} is not a currency. Write its ISO 4217 code, like ${column.example}.`,
    );
  };
}

/** Zones that a file may name before the cache is emptied; there are about 600. */
const MAX_ZONES = 1_000;
/** No zone has a longer name; a text that has is not worth its place in the cache. */
const MAX_ZONE_LENGTH = 64;

function timeZoneParser(column: Column): CellParser {
  const known = new Map<string, string | CellFault>();
  return (text) => {
    const cached = known.get(text);
    if (cached !== undefined) return cached;
    const name = text.trim();
    const result =
      name.length <= MAX_ZONE_LENGTH && isTimeZone(name)
        ? name
        : new CellFault(
            'INVALID_TIME_ZONE',
            `${quoted(text, column)} is not an IANA time zone. Write one like ${column.example}.`,
          );
    if (text.length > MAX_ZONE_LENGTH) return result;
    if (known.size >= MAX_ZONES) known.clear();
    known.set(text, result);
    return result;
  };
}
