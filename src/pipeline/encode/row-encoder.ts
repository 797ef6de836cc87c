import { assignSlots } from '../../schemas/file-slots.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CellFault, type RowContext } from '../transform/cell.ts';
import { type CompiledColumn, compileColumns } from '../transform/columns.ts';
import { compileSelection, parseCell, zoneOf } from '../transform/compile.ts';
import { type ColumnEncoder, compileColumnEncoder } from './column-encoder.ts';
import type { CopyRows } from './copy-rows.ts';
import type { Instant } from './instants.ts';
import { FIELD_OVERHEAD } from './values.ts';

/** The cells of one row where they lie in the file's bytes, by slot (`FileSlots`). */
export interface Cells {
  readonly bytes: Buffer;
  /** Where the cell's text begins; -1: the row has none there. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** 1: the bytes are not the text itself, which has quotes or escapes to be undone. */
  readonly escaped: Uint8Array;
  /** Bytes of the whole row, at least. */
  readonly size: number;
  text(slot: number): string;
}

/** The point in time of a column in the row at hand. */
interface RowInstant extends Instant {
  present: boolean;
}

interface Rule {
  readonly column: number;
  readonly notBefore: number;
}

/**
 * Turns rows of a file into rows of a binary COPY. Cells in their plain form are written from the bytes as they
 * stand; others pass through the transformer's own function for the column. It never judges: a row with anything
 * wrong is given back, and the transformer says what it is.
 */
export class RowEncoder {
  readonly #columns: readonly ColumnEncoder[];
  readonly #key: readonly number[];
  readonly #rules: readonly Rule[];
  readonly #zone: CompiledColumn | undefined;
  readonly #zoneOfFile: string | undefined;
  readonly #isSelected: ReturnType<typeof compileSelection>;
  readonly #selection: readonly number[];
  readonly #context: RowContext;
  readonly #prefix: Buffer;
  /** Room for a row's fields beyond its text. */
  readonly #overhead: number;
  /** Per column where its field begins in the row being written, and its instant if it is one. */
  readonly #fields: Int32Array;
  readonly #instants: readonly RowInstant[];
  readonly #seed = (Math.random() * 2 ** 32) | 0;

  constructor(schema: SchemaType, spec: TransformerSpec, prefix: Buffer) {
    const compiled = compileColumns(schema, spec);
    const indexOf = (name: string) => schema.columns.findIndex((column) => column.name === name);
    this.#instants = compiled.map(() => ({ seconds: 0, microseconds: 0, present: false }));
    this.#context = { timeZone: spec.timeZone };
    this.#columns = compiled.map((column, index) =>
      compileColumnEncoder(column, this.#instants[index] as RowInstant),
    );
    this.#key = schema.naturalKey.map(indexOf);
    this.#rules = schema.rules.map((rule) => ({
      column: indexOf(rule.column),
      notBefore: indexOf(rule.notBefore),
    }));
    this.#zone = compiled.find(({ column }) => column.format === 'timeZone');
    this.#zoneOfFile = spec.timeZone;
    this.#isSelected = compileSelection(schema, spec);
    this.#selection = [assignSlots(schema, spec).selection ?? 0];
    this.#prefix = prefix;
    this.#overhead = prefix.length + (compiled.length + 1) * FIELD_OVERHEAD;
    this.#fields = new Int32Array(compiled.length);
  }

  /** Writes a row; false when the transformer has to judge it, and nothing has been written then. */
  encode(out: CopyRows, cells: Cells, line: number): boolean {
    if (this.#isSelected && !this.#isSelected(recordOf(this.#selection, cells))) return false;
    const start = this.#begin(out, line, cells.size);
    for (let index = 0; index < this.#columns.length; index += 1) {
      this.#fields[index] = out.at;
      const instant = this.#instants[index] as RowInstant;
      instant.present = true;
      const column = this.#columns[index] as ColumnEncoder;
      const from = column.slot < 0 ? -1 : (cells.from[column.slot] as number);
      if (from >= 0 && cells.escaped[column.slot] === 0) {
        const to = cells.to[column.slot] as number;
        if (to > from && column.encodeCell(out, cells.bytes, from, to)) continue;
      }
      if (!this.#encodeSlowly(out, column, index, cells)) {
        out.at = start;
        return false;
      }
    }
    if (!this.#inOrder()) {
      out.at = start;
      return false;
    }
    this.#end(out);
    return true;
  }

  /** Writes a row that the transformer has made. */
  encodeValues(out: CopyRows, values: readonly (string | null)[], line: number): void {
    this.#begin(out, line, 0);
    for (let index = 0; index < this.#columns.length; index += 1) {
      this.#fields[index] = out.at;
      const value = values[index] ?? null;
      if (value === null) out.int32(-1);
      else (this.#columns[index] as ColumnEncoder).encodeValue(out, value, this.#overhead);
    }
    this.#end(out);
  }

  #begin(out: CopyRows, line: number, size: number): number {
    out.reserve(size + this.#overhead);
    const start = out.at;
    out.copy(this.#prefix, 0, this.#prefix.length);
    out.int32(8);
    out.int32(Math.floor(line / 2 ** 32));
    out.int32(line);
    return start;
  }

  /** Cells that are empty, filled in by the enablement, or written in another form than the plain one. */
  #encodeSlowly(
    out: CopyRows,
    { compiled, encodeValue }: ColumnEncoder,
    index: number,
    cells: Cells,
  ): boolean {
    const value = parseCell(compiled, recordOf(compiled.slots, cells), this.#contextOf(compiled, cells));
    if (value instanceof CellFault || (value === undefined && compiled.column.required)) return false;
    if (value === undefined) {
      (this.#instants[index] as RowInstant).present = false;
      out.int32(-1);
    } else encodeValue(out, value, cells.size + this.#overhead);
    return true;
  }

  /** Only points in time ask for the row's zone. */
  #contextOf({ column }: CompiledColumn, cells: Cells): RowContext {
    const context = this.#context;
    context.timeZone = this.#zoneOfFile;
    if (column.type !== 'datetime' || !this.#zone) return context;
    context.timeZone = zoneOf(this.#zone, recordOf(this.#zone.slots, cells), context) ?? this.#zoneOfFile;
    return context;
  }

  #inOrder(): boolean {
    for (const { column, notBefore } of this.#rules) {
      const value = this.#instants[column] as RowInstant;
      const bound = this.#instants[notBefore] as RowInstant;
      if (!value.present || !bound.present) continue;
      if (value.seconds < bound.seconds) return false;
      if (value.seconds === bound.seconds && value.microseconds < bound.microseconds) return false;
    }
    return true;
  }

  /** Two FNV-like hashes of the key's fields. Equal keys have equal bytes, so they have equal hashes. */
  #end(out: CopyRows): void {
    let first = this.#seed;
    let second = ~this.#seed;
    const { bytes } = out;
    for (const column of this.#key) {
      const from = this.#fields[column] as number;
      const next = column + 1 < this.#fields.length ? (this.#fields[column + 1] as number) : out.at;
      for (let at = from; at < next; at += 1) {
        first = Math.imul(first ^ (bytes[at] as number), 0x01000193);
        second = Math.imul(second + (bytes[at] as number), 0x85ebca6b) ^ (second >>> 15);
      }
    }
    out.endRow(first, second);
  }
}

/** As much of a row as the slots hold. */
function recordOf(slots: readonly number[], cells: Cells): { readonly values: readonly string[] } {
  const values: string[] = [];
  for (const slot of slots) if ((cells.from[slot] as number) >= 0) values[slot] = cells.text(slot);
  return { values };
}
