import type { TransformerSpec } from '../../schemas/transformer-spec.ts';

/** A number taken apart, without any float: `-0012.50` is negative, `0012` and `50`. */
export interface Decimal {
  readonly negative: boolean;
  readonly integer: string;
  readonly fraction: string;
}

/** Takes a trimmed text apart; undefined when it is no number of the file's form. */
export type ReadDecimal = (text: string) => Decimal | undefined;

type Form = Pick<
  TransformerSpec,
  'decimalSeparator' | 'thousandsSeparator' | 'currencySymbol' | 'parenthesesNegative'
>;

/** Compiles how a file writes its numbers. Without any option: digits and the decimal separator, with a sign. */
export function compileNumberForm(form: Form): ReadDecimal {
  const plain = plainReader(form.decimalSeparator);
  const grouped = form.thousandsSeparator && groupedReader(form.decimalSeparator, form.thousandsSeparator);
  const unsigned: ReadDecimal = grouped ? (text) => plain(text) ?? grouped(text) : plain;
  const { currencySymbol: symbol, parenthesesNegative = false } = form;
  if (symbol === undefined && !parenthesesNegative) return signed(unsigned);
  return (text) => {
    const bare = unwrap(text, symbol, parenthesesNegative);
    const decimal = bare && unsigned(bare.digits);
    return decimal && { ...decimal, negative: bare.negative };
  };
}

function signed(unsigned: ReadDecimal): ReadDecimal {
  return (text) => {
    const sign = text.charAt(0);
    if (sign !== '-' && sign !== '+') return unsigned(text);
    const decimal = unsigned(text.slice(1));
    return decimal && { ...decimal, negative: sign === '-' };
  };
}

function plainReader(separator: '.' | ','): ReadDecimal {
  const form = separator === '.' ? /^(\d*)(?:\.(\d*))?$/ : /^(\d*)(?:,(\d*))?$/;
  return (text) => {
    const [, integer = '', fraction = ''] = form.exec(text) ?? [];
    return integer === '' && fraction === '' ? undefined : { negative: false, integer, fraction };
  };
}

const SPACES = '[ \\u00a0\\u202f]';
const APOSTROPHES = "['\\u2019]";

/** Groups of exactly three digits: `1,5` is a decimal comma in the wrong file, and not fifteen. */
function groupedReader(
  decimal: '.' | ',',
  separator: NonNullable<TransformerSpec['thousandsSeparator']>,
): ReadDecimal {
  const group = separator === ' ' ? SPACES : separator === "'" ? APOSTROPHES : `\\${separator}`;
  const form = new RegExp(`^(\\d{1,3}(?:${group}\\d{3})+)(?:\\${decimal}(\\d*))?$`);
  return (text) => {
    const [, integer, fraction = ''] = form.exec(text) ?? [];
    return integer === undefined
      ? undefined
      : { negative: false, integer: integer.replace(/\D/g, ''), fraction };
  };
}

/** Takes off the sign, one symbol before or behind, and parentheses: `-$5`, `$-5`, `5 EUR`, `($5)`, `$(5)`. */
function unwrap(
  text: string,
  symbol: string | undefined,
  parentheses: boolean,
): { readonly digits: string; readonly negative: boolean } | undefined {
  let rest = text;
  let sign = '';
  let wrapped = false;
  let marked = symbol === undefined;
  for (;;) {
    if (sign === '' && !wrapped && (rest.startsWith('-') || rest.startsWith('+'))) {
      sign = rest.charAt(0);
      rest = rest.slice(1).trimStart();
    } else if (parentheses && sign === '' && !wrapped && rest.startsWith('(') && rest.endsWith(')')) {
      wrapped = true;
      rest = rest.slice(1, -1).trim();
    } else if (!marked && symbol !== undefined && rest.startsWith(symbol)) {
      marked = true;
      rest = rest.slice(symbol.length).trimStart();
    } else if (!marked && symbol !== undefined && rest.endsWith(symbol)) {
      marked = true;
      rest = rest.slice(0, -symbol.length).trimEnd();
    } else return { digits: rest, negative: sign === '-' || wrapped };
  }
}
