import type { Column } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';
import { compileNumberForm } from './number-form.ts';
import { integerResult } from './numbers.ts';

/** Minutes from decimal hours, to the nearest: exports round hours to two decimals, so 20 minutes come as `0.33`. */
export function hoursParser(column: Column, spec: TransformerSpec): CellParser {
  const read = compileNumberForm({ decimalSeparator: spec.decimalSeparator });
  const example = `0${spec.decimalSeparator}5`;
  return (text) => {
    const decimal = read(text.trim());
    if (!decimal || decimal.integer.length + decimal.fraction.length > 19)
      return invalid(text, column, `a number of hours. Write it like ${example}`);
    const scale = 10n ** BigInt(decimal.fraction.length);
    const minutes = nearest(BigInt(decimal.integer + decimal.fraction) * 60n, scale);
    return integerResult(column, text, minutes * (decimal.negative ? -1n : 1n));
  };
}

const DURATION = /^(\d{1,4}):([0-5]\d)(?::([0-5]\d))?$/;

/** Minutes from hours, minutes and seconds, to the nearest: `00:30:00` is 30. */
export function durationParser(column: Column): CellParser {
  return (text) => {
    const [, hours, minutes, seconds = '00'] = DURATION.exec(text.trim()) ?? [];
    if (hours === undefined || minutes === undefined)
      return invalid(text, column, 'a length of time in hours and minutes. Write it like 0:30');
    const total = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
    return integerResult(column, text, nearest(total, 60n));
  };
}

const nearest = (dividend: bigint, divisor: bigint) => (2n * dividend + divisor) / (2n * divisor);

function invalid(text: string, column: Column, expected: string): CellFault {
  return new CellFault('INVALID_MINUTES', `${quoted(text, column)} is not ${expected}.`);
}
