import { compileDatePattern, type DateParts } from './date-pattern.ts';
import type { Column } from './schema-type.ts';
import type { TransformerSpec } from './transformer-spec.ts';

/** A column's example as this organization's files write it: for messages and templates. */
export function exampleInFile(column: Column, spec: TransformerSpec): string {
  const { format, values, headers } = spec.columns.find(({ name }) => name === column.name) ?? {};
  const named = Object.entries(values ?? {}).find(([, meaning]) => meaning === column.example);
  if (named) return named[0];
  switch (column.type) {
    case 'number':
      return column.example.replace('.', spec.decimalSeparator);
    case 'integer':
      return minutesExample(column.example, format);
    case 'date':
      return datesExample(column, format ?? spec.dateFormat, 'date', spec);
    case 'datetime': {
      const pattern = format ?? spec.timestampFormat;
      // Of a date and a time in two columns the T of ISO 8601 is in neither.
      if (pattern === undefined && headers !== undefined) return column.example.replace('T', ' ');
      return datesExample(column, pattern, 'timestamp', spec);
    }
    default:
      return column.example;
  }
}

function minutesExample(minutes: string, format: string | undefined): string {
  if (format === 'duration')
    return `${Math.floor(Number(minutes) / 60)}:${String(Number(minutes) % 60).padStart(2, '0')}`;
  return format === 'hours' ? '0.5' : minutes;
}

function datesExample(
  { example }: Column,
  pattern: string | undefined,
  kind: 'date' | 'timestamp',
  spec: TransformerSpec,
): string {
  if (pattern === undefined) return example;
  return compileDatePattern(pattern, kind).write(isoParts(example), spec.timeZone);
}

/** Examples of schema types are ISO 8601, which the catalogue's tests hold them to. */
function isoParts(example: string): DateParts {
  const [year = 2026, month = 1, day = 1, hour = 0, minute = 0, second = 0] = example
    .split(/\D+/)
    .slice(0, 6)
    .map(Number);
  return {
    year,
    month,
    day,
    hour,
    minute,
    second,
    fraction: '',
    offset: /(?:Z|[+-]\d{2}:\d{2})$/.exec(example)?.[0],
    zone: undefined,
  };
}
