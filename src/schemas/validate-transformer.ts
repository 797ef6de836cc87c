import { CURRENCIES } from './canonical.ts';
import { whyNotDatePattern } from './date-pattern.ts';
import type { SchemaType } from './schema-type.ts';
import { isTimeZone } from './time-zones.ts';
import type { TransformerSpec } from './transformer-spec.ts';
import { columnProblems } from './validate-column.ts';

/** What is wrong with a transformer for a schema type, each with its path in the spec. Empty: nothing. */
export function validateTransformer(schema: SchemaType, spec: TransformerSpec): string[] {
  return [...problemsOf(schema, spec)];
}

function* problemsOf(schema: SchemaType, spec: TransformerSpec): Generator<string> {
  const seen = new Set<string>();
  for (const [index, entry] of spec.columns.entries()) {
    const path = `columns[${index}]`;
    const { name } = entry;
    if (seen.has(name)) yield `${path}.name: ${name} is configured twice.`;
    seen.add(name);
    const column = schema.columns.find((each) => each.name === name);
    if (column) {
      for (const problem of columnProblems(schema, column, entry)) yield `${path}${problem}`;
    } else {
      const known = schema.columns.map((each) => each.name).join(', ');
      yield `${path}.name: ${schema.name} has no column ${name}. It has ${known}.`;
    }
  }
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone))
    yield `timeZone: ${spec.timeZone} is not an IANA time zone, such as America/New_York.`;
  yield* formatProblems(spec);
  yield* numberProblems(spec);
  yield* currencyProblems(schema, spec);
  if (spec.maxRowErrors !== undefined && spec.onRowError === 'fail')
    yield 'maxRowErrors: it counts only with onRowError: skip; fail tolerates no bad row.';
}

function* formatProblems({ dateFormat, timestampFormat }: TransformerSpec): Generator<string> {
  const date = dateFormat !== undefined && whyNotDatePattern(dateFormat, 'date');
  if (date) yield `dateFormat: ${date}`;
  const timestamp = timestampFormat !== undefined && whyNotDatePattern(timestampFormat, 'timestamp');
  if (timestamp) yield `timestampFormat: ${timestamp}`;
}

function* numberProblems(spec: TransformerSpec): Generator<string> {
  const { decimalSeparator, thousandsSeparator, currencySymbol } = spec;
  if (thousandsSeparator === decimalSeparator)
    yield `thousandsSeparator: ${decimalSeparator} already is the decimal separator.`;
  if (currencySymbol !== undefined && /[\s\d.,'()+-]/.test(currencySymbol))
    yield `currencySymbol: "${currencySymbol}" has a character that belongs to numbers. Write the symbol alone, such as $ or EUR.`;
}

function* currencyProblems(schema: SchemaType, { currency }: TransformerSpec): Generator<string> {
  if (currency === undefined) return;
  if (!CURRENCIES.has(currency)) yield `currency: ${currency} is not a currency of ISO 4217, such as USD.`;
  if (!schema.columns.some(({ format }) => format === 'currency'))
    yield `currency: ${schema.name} has no column for a currency.`;
}
