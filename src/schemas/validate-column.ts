import { whyNotCanonical } from './canonical.ts';
import { whyNotDatePattern } from './date-pattern.ts';
import type { Column, SchemaType } from './schema-type.ts';
import { type ColumnSpec, headersOf } from './transformer-spec.ts';

/** What is wrong with a column's entry, each as `.format: …`, to be put behind the path of the entry. */
export function* columnProblems(schema: SchemaType, column: Column, entry: ColumnSpec): Generator<string> {
  yield* sourceProblems(entry);
  yield* valueProblems(column, entry);
  const format = entry.format !== undefined && whyNotFormat(column, entry.format);
  if (format) yield `.format: ${format}`;
  if (entry.nextDay && !schema.rules.some((rule) => rule.column === column.name))
    yield `.nextDay: ${schema.name} has no rule that ${column.name} follows another time, so there is no day before.`;
}

function* sourceProblems(entry: ColumnSpec): Generator<string> {
  const { constant, header, headers } = entry;
  if (header !== undefined && headers !== undefined)
    yield '.headers: there is a header too. Give one of them.';
  if (entry.separator !== undefined && headers === undefined)
    yield '.separator: it stands between the values of headers, and there are none.';
  const names = headersOf(entry);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) yield `.headers: "${twice}" is there twice.`;
  if (constant === undefined) return;
  const others = (['header', 'headers', 'default', 'format', 'values', 'nextDay'] as const).filter(
    (field) => entry[field] !== undefined,
  );
  if (others.length > 0)
    yield `: a constant leaves no room for ${others.join(', ')}. Give the constant alone, or take it away.`;
}

function* valueProblems(column: Column, entry: ColumnSpec): Generator<string> {
  for (const field of ['constant', 'default'] as const) {
    const text = entry[field];
    const problem = text && whyNotCanonical(column, text);
    if (problem) yield `.${field}: ${JSON.stringify(text)} ${problem}`;
  }
  if (entry.values === undefined) return;
  if (column.type === 'datetime' || column.type === 'object')
    yield `.values: a ${column.type} column takes no list of values.`;
  const seen = new Map<string, string>();
  for (const [text, meaning] of Object.entries(entry.values)) {
    const key = valueKey(text);
    const other = seen.get(key);
    if (other !== undefined) yield `.values: "${other}" and "${text}" are the same without regard to case.`;
    seen.set(key, text);
    const problem = meaning && whyNotCanonical(column, meaning);
    if (problem) yield `.values["${text}"]: ${JSON.stringify(meaning)} ${problem}`;
  }
}

/** How values are compared: without spaces around them and without regard to case. */
export function valueKey(text: string): string {
  return text.trim().toLowerCase();
}

function whyNotFormat(column: Column, format: string): string | undefined {
  if (column.type === 'date') return whyNotDatePattern(format, 'date');
  if (column.type === 'datetime') return whyNotDatePattern(format, 'timestamp');
  if (column.unit !== 'minutes')
    return `${column.name} holds a ${column.type}, which has no formats. Dates, timestamps and columns that count minutes have.`;
  if (format === 'hours' || format === 'duration') return undefined;
  return `${JSON.stringify(format)} is no format of minutes. Write hours (0.5 is 30 minutes) or duration (0:30, 00:30:00).`;
}
