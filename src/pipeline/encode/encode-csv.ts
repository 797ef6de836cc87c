import type { Warning } from '../../intake/uploads.ts';
import { readCsv } from '../read/csv.ts';
import { lookAtEnd } from '../read/csv-end.ts';
import type { CsvRows } from '../read/csv-rows.ts';
import { BARE, CsvScanner, ESCAPED, IRREGULAR, NEEDS_MORE } from '../read/csv-scanner.ts';
import { decodeUtf8 } from '../read/decode.ts';
import { MAX_RECORD_CHARACTERS } from '../read/limits.ts';
import { type EncodedBatch, judgeAll, OpenBatch, type RowMaker } from './batches.ts';
import type { Cells } from './row-encoder.ts';

/**
 * Turns the bytes of a CSV file into rows for COPY. Regular records are cut by {@link CsvScanner}; at the first
 * that is not, csv-parse takes over for the rest of the file, which most often ends there with its sentence.
 * @param bytes checked UTF-8
 * @throws {FileFault}
 */
export async function* encodeCsv(
  bytes: AsyncIterable<Buffer>,
  rows: CsvRows,
  maker: RowMaker,
  slots: number,
): AsyncGenerator<EncodedBatch> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    const file = new CsvFile(rows, maker, slots);
    for (;;) {
      const piece = await source.next();
      const batch = piece.done ? file.end() : file.add(piece.value);
      if (batch) yield batch;
      if (file.irregular) {
        const text = decodeUtf8(continued(file.rest, source));
        return yield* judgeAll(maker, readCsv(text, rows, file.line));
      }
      if (piece.done) return rows.expectSome();
    }
  } finally {
    await source.return?.();
  }
}

async function* continued(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let piece = await source.next(); !piece.done; piece = await source.next()) yield piece.value;
}

/** A file as far as it has come. */
class CsvFile implements Cells {
  readonly #rows: CsvRows;
  readonly #maker: RowMaker;
  readonly #scanner = new CsvScanner();
  /** The line on which the next record begins. */
  line = 1;
  /** The next record is not for the scanner. */
  irregular = false;
  /** Bytes of records that have not been taken. */
  rest: Buffer = Buffer.alloc(0);

  // The record at hand, for the encoder.
  bytes: Buffer = this.rest;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly escaped: Uint8Array;
  size = 0;

  constructor(rows: CsvRows, maker: RowMaker, slots: number) {
    this.#rows = rows;
    this.#maker = maker;
    this.from = new Int32Array(slots).fill(-1);
    this.to = new Int32Array(slots);
    this.escaped = new Uint8Array(slots);
  }

  add(piece: Buffer): EncodedBatch | undefined {
    this.bytes = this.rest.length > 0 ? Buffer.concat([this.rest, piece]) : piece;
    return this.#read(false);
  }

  /** @throws {FileFault} when the last row is cut off */
  end(): EncodedBatch | undefined {
    this.bytes = this.rest;
    return this.#read(true);
  }

  text(slot: number): string {
    const text = this.bytes.toString('utf8', this.from[slot] as number, this.to[slot] as number);
    return this.escaped[slot] === 0 ? text : text.replaceAll('""', '"');
  }

  #read(last: boolean): EncodedBatch | undefined {
    const { bytes } = this;
    const batch = new OpenBatch(bytes.length + (bytes.length >> 1) + 1_024);
    let unknownHeaders: readonly string[] = [];
    let warning: Warning | undefined;
    let at = 0;
    while (at < bytes.length) {
      const next = this.#scanner.next(bytes, at, bytes.length, last);
      if (next === IRREGULAR || (next === NEEDS_MORE ? bytes.length : next) - at > MAX_RECORD_CHARACTERS) {
        this.irregular = true;
        break;
      }
      if (next === NEEDS_MORE) break;
      this.size = next - at;
      if (!this.#isEmptyLine()) {
        if (this.#rows.hasHeader) warning = this.#row(batch);
        else unknownHeaders = this.#rows.readHeader(this.#allCells());
      }
      this.line += this.#scanner.breaks + 1;
      at = next;
    }
    this.rest = bytes.subarray(at);
    if (batch.isEmpty && unknownHeaders.length === 0) return undefined;
    const { rows, rejections, leftOut } = batch;
    const warnings = warning ? [warning] : [];
    return { headers: this.#rows.headers, rows, rejections, leftOut, unknownHeaders, warnings };
  }

  #row(batch: OpenBatch): Warning | undefined {
    const { line } = this;
    const { count, terminated } = this.#scanner;
    const width = this.#rows.headers.length;
    if (count === width && width > 1) {
      if (this.#isEmpty()) return undefined;
      this.#place();
      if (this.#maker.encoder.encode(batch.rows, this, line)) this.#rows.count += 1;
      else this.#judge(batch);
    } else this.#judge(batch);
    return terminated ? undefined : lookAtEnd(this.#allCells(), line, width);
  }

  #judge(batch: OpenBatch): void {
    const record = this.#rows.toRecord(this.#allCells(), this.line);
    if (record) batch.judge(this.#maker, record);
  }

  /** csv-parse calls it no record at all. */
  #isEmptyLine(): boolean {
    const { count, kind, from, to } = this.#scanner;
    return count === 1 && kind[0] === BARE && from[0] === to[0];
  }

  #isEmpty(): boolean {
    const { count, from, to } = this.#scanner;
    for (let cell = 0; cell < count; cell += 1) if (from[cell] !== to[cell]) return false;
    return true;
  }

  /** From the file's order to that of the slots. */
  #place(): void {
    const { from, to, kind, count } = this.#scanner;
    const { columnOf } = this.#rows;
    for (let cell = 0; cell < count; cell += 1) {
      const column = columnOf[cell] as number;
      if (column < 0) continue;
      this.from[column] = from[cell] as number;
      this.to[column] = to[cell] as number;
      this.escaped[column] = kind[cell] === ESCAPED ? 1 : 0;
    }
  }

  #allCells(): string[] {
    const { from, to, kind, count } = this.#scanner;
    const cells: string[] = [];
    for (let cell = 0; cell < count; cell += 1) {
      const text = this.bytes.toString('utf8', from[cell] as number, to[cell] as number);
      cells.push(kind[cell] === ESCAPED ? text.replaceAll('""', '"') : text);
    }
    return cells;
  }
}
