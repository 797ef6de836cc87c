import type { Column } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';
import { compileNumberForm, type Decimal } from './number-form.ts';

const MAX_BIGINT = 9_223_372_036_854_775_807n;
/** JSON may write 1.5e3; more zeros than this are nobody's amount. */
const MAX_EXPONENT = 40;

export function integerParser(column: Column, spec: TransformerSpec): CellParser {
  const read = compileNumberForm({
    decimalSeparator: spec.decimalSeparator,
    ...(spec.thousandsSeparator && { thousandsSeparator: spec.thousandsSeparator }),
  });
  return (text) => {
    const decimal = read(text.trim());
    // Spreadsheets write whole numbers as 2.0.
    if (!decimal || decimal.integer === '' || decimal.integer.length > 19 || /[1-9]/.test(decimal.fraction)) {
      return new CellFault(
        'INVALID_INTEGER',
        `${quoted(text, column)} is not a whole number. Write it like ${column.example}.`,
      );
    }
    return integerResult(column, text, BigInt(decimal.integer) * (decimal.negative ? -1n : 1n));
  };
}

/** A whole number for PostgreSQL's `bigint`, or what is wrong with it. */
export function integerResult(column: Column, text: string, value: bigint): string | CellFault {
  if (value > MAX_BIGINT || value < -MAX_BIGINT)
    return new CellFault('OUT_OF_RANGE', `${quoted(text, column)} is too large.`);
  return belowMinimum(column, text, Number(value)) ?? value.toString();
}

/**
 * Money and quantities stay text from the file to PostgreSQL: no float ever holds them. Digits beyond the
 * column's scale are refused rather than rounded, unless they are zeros.
 */
export function decimalParser(column: Column, spec: TransformerSpec): CellParser {
  const read = compileNumberForm(spec);
  const whole = column.precision - column.scale;
  const separator = spec.decimalSeparator;
  return (text) => {
    const trimmed = text.trim();
    const decimal = read(trimmed) ?? expandExponent(trimmed);
    if (!decimal) return notANumber(text, column, spec);
    const integer = decimal.integer.replace(/^0+(?=\d)/, '');
    const fraction = withoutTrailingZeros(decimal.fraction);
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
    const value = `${decimal.negative ? '-' : ''}${integer || '0'}${fraction ? `.${fraction}` : ''}`;
    return belowMinimum(column, text, Number(value)) ?? value;
  };
}

/** Not by a pattern: `/0+$/` reads a run of zeros again from each of its zeros, and a cell may have a million. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charAt(end - 1) === '0') end -= 1;
  return digits.slice(0, end);
}

/** A float is enough to compare with a bound; the value itself stays text. */
function belowMinimum(column: Column, text: string, value: number): CellFault | undefined {
  if (column.minimum === undefined || value >= column.minimum) return undefined;
  return new CellFault(
    'OUT_OF_RANGE',
    `${quoted(text, column)} is less than ${column.minimum}, the least that makes sense.`,
  );
}

/** `1.5e3` exactly, by moving the point through the digits. */
function expandExponent(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const [, sign, integer = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  const digits = integer + fraction;
  const point = integer.length + exponent;
  const negative = sign === '-';
  if (point <= 0) return { negative, integer: '0', fraction: '0'.repeat(-point) + digits };
  return { negative, integer: digits.padEnd(point, '0').slice(0, point), fraction: digits.slice(point) };
}

function notANumber(text: string, column: Column, spec: TransformerSpec): CellFault {
  const comma = spec.decimalSeparator === ',';
  const how = comma ? 'a decimal comma' : 'a decimal point';
  const refused = [
    ...(spec.thousandsSeparator === undefined ? ['thousands separators'] : []),
    ...(spec.currencySymbol === undefined ? ['currency signs'] : []),
  ];
  const without = refused.length > 0 ? `, without ${refused.join(' or ')}` : '';
  const example = comma ? column.example.replace('.', ',') : column.example;
  const message = `${quoted(text, column)} is not a number. Write it with ${how}${without}, like ${example}.`;
  return new CellFault('INVALID_NUMBER', message);
}
