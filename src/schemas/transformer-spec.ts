/** What a SchemaEnablement says about one column. At most one of `header` and `constant` is given. */
export interface ColumnSpec {
  /** The column's name in the schema type. */
  readonly name: string;
  /** The header (CSV) or key (JSON) that carries it, exactly as the file writes it. */
  readonly header?: string;
  /** The value of every row; the file is not consulted. */
  readonly constant?: string;
  /** The value of rows that have none. */
  readonly default?: string;
}

/** How one organization's files of one schema type become rows: `spec.transformer` of a SchemaEnablement. */
export interface TransformerSpec {
  readonly columns: readonly ColumnSpec[];
  /** IANA name; for timestamps without an offset in rows without a `time_zone`. */
  readonly timeZone?: string;
  /** What a local time that the clocks pass twice or skip (daylight saving) means. */
  readonly ambiguousLocalTime: 'reject' | 'earlier' | 'later';
  readonly decimalSeparator: '.' | ',';
  /** A row whose key is already there, from another upload or an earlier line. */
  readonly onDuplicate: 'update' | 'ignore' | 'reject';
  /** `skip` loads the good rows; `fail` loads nothing when one row is bad. */
  readonly onRowError: 'skip' | 'fail';
}

export const DEFAULT_TRANSFORMER: TransformerSpec = {
  columns: [],
  ambiguousLocalTime: 'reject',
  decimalSeparator: '.',
  onDuplicate: 'update',
  onRowError: 'skip',
};
