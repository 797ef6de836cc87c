import type { Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';

/** One row of a file before its values are understood. */
export interface SourceRecord {
  /** The line on which the row begins (CSV, header = 1) or the record's number from 1 (JSON). */
  readonly line: number;
  /** The row's text by slot (`FileSlots`), the first of which are `schema.columns`; null where the file has nothing. */
  readonly values: readonly (string | null)[];
  /** The row as the file has it, in the order of {@link RecordBatch.headers}: for the reject report. */
  readonly cells: readonly string[];
  /** Set when the row itself is malformed; its values are then not looked at. */
  readonly fault?: Fault;
}

/** What a reader yields: the rows of about one chunk of the file, so that awaiting costs little a row. */
export interface RecordBatch {
  readonly headers: readonly string[];
  readonly records: readonly SourceRecord[];
  /** Headers or keys first met in this batch that no column goes by. */
  readonly unknownHeaders: readonly string[];
  /** What the reader had to remark. */
  readonly warnings?: readonly Warning[];
}

/** A row as PostgreSQL's text format wants it, by index into `schema.columns`; null is SQL NULL. */
export type TransformResult =
  | { readonly ok: true; readonly values: readonly (string | null)[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** The result for a row that the enablement does not load (`onlyRows`): not bad, and not there. */
export const LEFT_OUT: TransformResult = { ok: false, faults: [] };

/** Turns a record into a row. Pure; compiled once per upload. */
export type Transform = (record: SourceRecord) => TransformResult;
