/** What a column holds, in the words of Frictionless Table Schema. */
export type ColumnType = 'string' | 'integer' | 'number' | 'boolean' | 'date' | 'datetime' | 'object';

/** A closed vocabulary beyond the type: ISO 4217 codes, IANA time zone names. */
export type ColumnFormat = 'currency' | 'timeZone';

export interface Column {
  /** snake_case; also the column's name in the database. */
  readonly name: string;
  readonly type: ColumnType;
  readonly format: ColumnFormat | undefined;
  /** What the number counts, for columns whose files may count something else. */
  readonly unit: 'minutes' | undefined;
  readonly required: boolean;
  /** The accepted values, lower case; undefined when every value of the type is accepted. */
  readonly enum: readonly string[] | undefined;
  /** Characters, for strings. */
  readonly maxLength: number;
  /** Smallest accepted value, for integers and numbers. */
  readonly minimum: number | undefined;
  /** Total and fractional decimal digits, for numbers: `numeric(precision, scale)`. */
  readonly precision: number;
  readonly scale: number;
  /** The PostgreSQL type, such as `numeric(19,4)`. */
  readonly sqlType: string;
  /** Other headers under which exports are known to carry this column. */
  readonly aliases: readonly string[];
  readonly description: string;
  readonly example: string;
}

/** A rule between two columns of one row: `column` must not lie before `notBefore`. Both are datetimes. */
export interface OrderRule {
  readonly column: string;
  readonly notBefore: string;
}

/** One kind of file that the gateway accepts: a folder in SFTP, a `schemaType` in HTTP, a table in SQL. */
export interface SchemaType {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly table: string;
  readonly columns: readonly Column[];
  /** Column names that, after `organization_id`, identify a row. */
  readonly naturalKey: readonly string[];
  readonly rules: readonly OrderRule[];
}
