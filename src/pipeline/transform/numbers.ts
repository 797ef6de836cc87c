import type { Column } from '../../schemas/schema-type.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';

const MAX_BIGINT = 9_223_372_036_854_775_807n;
/** JSON may write 1.5e3; more zeros than this are nobody's amount. */
const MAX_EXPONENT = 40;

export function integerParser(column: Column): CellParser {
  return (text) => {
    const digits = text.trim();
    // Spreadsheets write whole numbers as 2.0.
    const plain = /^([+-]?\d{1,19})(?:\.0+)?$/.exec(digits)?.[1];
    if (plain === undefined) {
      return new CellFault(
        'INVALID_INTEGER',
        `${quoted(text, column)} is not a whole number. Write it like ${column.example}.`,
      );
    }
    const value = BigInt(plain.replace('+', ''));
    if (value > MAX_BIGINT || value < -MAX_BIGINT)
      return new CellFault('OUT_OF_RANGE', `${quoted(text, column)} is too large.`);
    return belowMinimum(column, Number(value)) ?? value.toString();
  };
}

/**
 * Money and quantities stay text from the file to PostgreSQL: no float ever holds them. Digits beyond the
 * column's scale are refused rather than rounded, unless they are zeros.
 */
export function decimalParser(column: Column, separator: '.' | ','): CellParser {
  const form = separator === '.' ? /^[+-]?(\d*)(?:\.(\d*))?$/ : /^[+-]?(\d*)(?:,(\d*))?$/;
  const whole = column.precision - column.scale;
  return (text) => {
    const trimmed = text.trim();
    const match = form.exec(trimmed);
    const parts = match ? { integer: match[1] ?? '', fraction: match[2] ?? '' } : expandExponent(trimmed);
    if (!parts || (parts.integer === '' && parts.fraction === '')) return notANumber(text, column, separator);
    const integer = parts.integer.replace(/^0+(?=\d)/, '');
    const fraction = parts.fraction.replace(/0+$/, '');
    if (fraction.length > column.scale) {
      return new CellFault(
        'TOO_PRECISE',
        `${quoted(text, column)} has ${fraction.length} digits after the decimal ${separator === '.' ? 'point' : 'comma'}; ${column.scale} are kept. Round it first.`,
      );
    }
    if (integer.length > whole && integer !== '0') {
      return new CellFault(
        'OUT_OF_RANGE',
        `${quoted(text, column)} is too large; ${whole} digits before the decimal are accepted.`,
      );
    }
    const value = `${trimmed.startsWith('-') ? '-' : ''}${integer || '0'}${fraction ? `.${fraction}` : ''}`;
    return belowMinimum(column, Number(value)) ?? value;
  };
}

function belowMinimum(column: Column, value: number): CellFault | undefined {
  if (column.minimum === undefined || value >= column.minimum) return undefined;
  return new CellFault(
    'OUT_OF_RANGE',
    `${value} in ${column.name} is less than ${column.minimum}, the least that makes sense.`,
  );
}

/** `1.5e3` exactly, by moving the point through the digits. */
function expandExponent(text: string): { integer: string; fraction: string } | undefined {
  const match = /^[+-]?(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const [, integer = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  const digits = integer + fraction;
  const point = integer.length + exponent;
  if (point <= 0) return { integer: '0', fraction: '0'.repeat(-point) + digits };
  return { integer: digits.padEnd(point, '0').slice(0, point), fraction: digits.slice(point) };
}

function notANumber(text: string, column: Column, separator: '.' | ','): CellFault {
  const example = separator === '.' ? column.example : column.example.replace('.', ',');
  const how = separator === '.' ? 'a decimal point' : 'a decimal comma';
  const message = `${quoted(text, column)} is not a number. Write it with ${how}, without thousands separators or currency signs, like ${example}.`;
  return new CellFault('INVALID_NUMBER', message);
}
