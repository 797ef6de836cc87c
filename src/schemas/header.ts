import { FileFault } from './faults.ts';
import type { SchemaType } from './schema-type.ts';
import type { TransformerSpec } from './transformer-spec.ts';

/** Finds the column that a header or JSON key means. Compiled once per upload. */
export interface HeaderMatcher {
  /** Index into `schema.columns`, or undefined when no column goes by that name. */
  columnFor(header: string): number | undefined;
  /**
   * Matches a whole CSV header.
   * @throws {FileFault} `DUPLICATE_HEADER` when two headers mean one column, `MISSING_COLUMNS` when a
   * required column has neither a header nor a constant or default, `UNKNOWN_HEADER` when nothing matches.
   */
  matchAll(headers: readonly string[]): HeaderMatch;
}

export interface HeaderMatch {
  /** For each header its index into `schema.columns`; -1: not loaded. */
  readonly columnOf: readonly number[];
  /** Headers that no column goes by, in the file's order. */
  readonly unknown: readonly string[];
}
