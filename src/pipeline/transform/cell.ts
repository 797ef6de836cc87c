import type { RowFaultCode } from '../../schemas/fault-catalogue.ts';
import type { Column } from '../../schemas/schema-type.ts';

/** What is wrong with one value. The compiler adds where it stands. */
export class CellFault {
  readonly code: RowFaultCode;
  readonly message: string;

  constructor(code: RowFaultCode, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** What a cell may need to know of its row. */
export interface RowContext {
  /** IANA name from the row's own column, else the enablement's; undefined when neither says. */
  timeZone: string | undefined;
  /** The time without an offset is on the day after the one that the file writes. */
  nextDay?: boolean;
}

/**
 * Turns a value's text into PostgreSQL's text for the column. Returns a fault instead of throwing, because bad
 * rows are ordinary and a file may have many.
 */
export type CellParser = (text: string, row: RowContext) => string | CellFault;

/** `"12,50" in total_amount`: how every message begins. */
export function quoted(text: string, column: Column): string {
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return `"${short}" in ${column.name}`;
}
