/**
 * What a SchemaEnablement says about one column. It comes from the file (`header` or `headers`) or is a `constant`.
 * `constant`, `default` and the right-hand sides of `values` are written as the schema type's example is, whatever
 * the formats of the file are.
 */
export interface ColumnSpec {
  /** The column's name in the schema type. */
  readonly name: string;
  /** The header (CSV) or key (JSON) that carries it, exactly as the file writes it. Several columns may share one. */
  readonly header?: string;
  /** Headers that carry it together, such as a date and a time. A row in which one of them is empty has no value. */
  readonly headers?: readonly string[];
  /** What stands between the values of `headers` when they are put together; a space unless given. */
  readonly separator?: string;
  /** How the file writes it: a date pattern, or `hours` or `duration` for a column that counts minutes. */
  readonly format?: string;
  /** What the file writes, without regard to case, and what it means; an empty text means no value. */
  readonly values?: Readonly<Record<string, string>>;
  /** A time that lies before the column of its rule (an end before its beginning) is on the next day. */
  readonly nextDay?: boolean;
  /** The value of every row; the file is not consulted. */
  readonly constant?: string;
  /** The value of rows that have none. */
  readonly default?: string;
}

/** Which rows of the file are loaded; the others are left out, counted in a warning. */
export interface RowSelection {
  readonly header: string;
  /** Accepted values, without regard to case; none given: any value. */
  readonly values?: readonly string[];
}

/** How one organization's files of one schema type become rows: `spec.transformer` of a SchemaEnablement. */
export interface TransformerSpec {
  readonly columns: readonly ColumnSpec[];
  readonly onlyRows?: RowSelection;
  /** IANA name; for timestamps without an offset in rows without a `time_zone`. */
  readonly timeZone?: string;
  /** What a local time that the clocks pass twice or skip (daylight saving) means. */
  readonly ambiguousLocalTime: 'reject' | 'earlier' | 'later';
  /** Date pattern of date columns that have no `format`; ISO 8601 unless given. */
  readonly dateFormat?: string;
  /** Date pattern of timestamp columns that have no `format`; ISO 8601 unless given. */
  readonly timestampFormat?: string;
  readonly decimalSeparator: '.' | ',';
  /** What may stand between groups of three digits; a space stands for no-break spaces too. */
  readonly thousandsSeparator?: ',' | '.' | ' ' | "'";
  /** The one sign or code that may stand before or after an amount. */
  readonly currencySymbol?: string;
  /** `(12.50)` is -12.50, as accountants write it. */
  readonly parenthesesNegative?: boolean;
  /** ISO 4217; for rows that name no currency. */
  readonly currency?: string;
  /** A row whose key is already there, from another upload or an earlier line. */
  readonly onDuplicate: 'update' | 'ignore' | 'reject';
  /** `skip` loads the good rows; `fail` loads nothing when one row is bad. */
  readonly onRowError: 'skip' | 'fail';
  /** With `skip`: more bad rows than this fail the whole file. */
  readonly maxRowErrors?: number;
}

export const DEFAULT_TRANSFORMER: TransformerSpec = {
  columns: [],
  ambiguousLocalTime: 'reject',
  decimalSeparator: '.',
  onDuplicate: 'update',
  onRowError: 'skip',
};

/** The headers that carry a column, in their order; empty when no header was given. */
export function headersOf({ header, headers }: ColumnSpec): readonly string[] {
  return (headers ?? (header === undefined ? [] : [header])).map((each) => each.trim());
}
