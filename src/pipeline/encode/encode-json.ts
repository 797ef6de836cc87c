import type { JsonReader } from '../read/json.ts';
import { endOfStructure, JsonScanner, NEEDS_MORE, NOT_FLAT, skipSpace } from '../read/json-scanner.ts';
import { MAX_RECORD_CHARACTERS } from '../read/limits.ts';
import type { RecordBatch } from '../records.ts';
import { type EncodedBatch, OpenBatch, type RowMaker } from './batches.ts';
import type { Cells } from './row-encoder.ts';

/**
 * Turns the bytes of a JSON file into rows for COPY. What stands around the records, and every record that is not a
 * flat object of plain values, is read by stream-json; {@link JsonScanner} takes the others out before it sees them.
 * @param bytes checked UTF-8
 * @throws {FileFault}
 */
export async function* encodeJson(
  bytes: AsyncIterable<Buffer>,
  reader: JsonReader,
  maker: RowMaker,
  slots: number,
): AsyncGenerator<EncodedBatch> {
  const file = new JsonFile(reader, maker, slots);
  for await (const piece of bytes) {
    const batch = file.add(piece);
    if (batch) yield batch;
  }
  const batch = file.end();
  if (batch) yield batch;
}

const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const COMMA = 0x2c;

/** Spaces between records beyond which stream-json has to see them: it ends a file that has a million of them. */
const MAX_GAP = MAX_RECORD_CHARACTERS / 2;

/** Before the records, among them, or past what the scanner can take. */
type Part = 'head' | 'records' | 'rest';

/** A key as the bytes have it, and the column that it means. */
interface KnownKey {
  readonly bytes: Buffer;
  readonly column: number;
}

/** A file as far as it has come. */
class JsonFile implements Cells {
  readonly #reader: JsonReader;
  readonly #maker: RowMaker;
  readonly #scanner = new JsonScanner();
  #part: Part = 'head';
  #rest: Buffer = Buffer.alloc(0);
  /** A record came before, so that a comma has to come before the next. */
  #begun = false;
  /** The reader has seen a record. */
  #shown = false;
  /** The keys of the record before, in its order: most files have one order. */
  readonly #keys: (KnownKey | undefined)[] = [];
  #batch = new OpenBatch(0);
  #unknown: string[] = [];

  // The record at hand, for the encoder.
  bytes: Buffer = this.#rest;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly escaped: Uint8Array;
  size = 0;

  constructor(reader: JsonReader, maker: RowMaker, slots: number) {
    this.#reader = reader;
    this.#maker = maker;
    this.from = new Int32Array(slots);
    this.to = new Int32Array(slots);
    this.escaped = new Uint8Array(slots);
  }

  /** @throws {FileFault} */
  add(piece: Buffer): EncodedBatch | undefined {
    this.bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    this.#startBatch();
    let at = 0;
    if (this.#part === 'head') at = this.#readHead();
    if (this.#part === 'records') at = this.#readRecords(at);
    if (this.#part === 'rest') at = this.#show(at, this.bytes.length);
    this.#rest = this.bytes.subarray(at);
    return this.#takeBatch();
  }

  /** @throws {FileFault} when the file is cut off */
  end(): EncodedBatch | undefined {
    this.bytes = this.#rest;
    this.#startBatch();
    if (this.#part === 'records') this.#leaveRecords();
    this.#show(0, this.bytes.length);
    this.#reader.end();
    this.#judgeShown();
    return this.#takeBatch();
  }

  text(column: number): string {
    const [from, to] = [this.from[column] as number, this.to[column] as number];
    if (this.escaped[column] === 0) return this.bytes.toString('utf8', from, to);
    return JSON.parse(this.bytes.toString('utf8', from - 1, to + 1)) as string;
  }

  /** Shows the reader everything up to the bracket behind which the records begin. */
  #readHead(): number {
    let at = 0;
    while (this.#part === 'head' && at < this.bytes.length) {
      const bracket = this.bytes.indexOf(OPEN_BRACKET, at);
      at = this.#show(at, bracket === -1 ? this.bytes.length : bracket + 1);
      if (this.#reader.rows.betweenRecords) this.#part = 'records';
    }
    return at;
  }

  #readRecords(start: number): number {
    const { bytes } = this;
    for (let at = start; ; ) {
      let record = skipSpace(bytes, at, bytes.length);
      if (this.#begun && bytes[record] === COMMA) record = skipSpace(bytes, record + 1, bytes.length);
      else if (this.#begun && record < bytes.length) return this.#leaveRecords(at);
      if (record - at > MAX_GAP) return this.#leaveRecords(at);
      const next = record < bytes.length ? this.#readRecord(record) : NEEDS_MORE;
      if (next === NOT_FLAT || (next === NEEDS_MORE && bytes.length - at > MAX_RECORD_CHARACTERS))
        return this.#leaveRecords(at);
      if (next === NEEDS_MORE) return at;
      at = next;
      if (this.#part === 'rest') return at;
    }
  }

  /** Takes the record that begins here; returns where it ends, or why it was not taken. */
  #readRecord(start: number): number {
    const { bytes } = this;
    if (bytes[start] !== OPEN_BRACE) return NOT_FLAT;
    let next = this.#scanner.next(bytes, start, bytes.length);
    const flat = next >= 0;
    if (next === NOT_FLAT) next = endOfStructure(bytes, start, bytes.length);
    if (next === NEEDS_MORE) return next;
    if (next - start > MAX_RECORD_CHARACTERS) return NOT_FLAT;
    this.size = next - start;
    if (
      flat &&
      this.#place() &&
      this.#maker.encoder.encode(this.#batch.rows, this, this.#reader.rows.count + 1)
    )
      this.#reader.rows.count += 1;
    else this.#showRecord(start, next);
    this.#begun = true;
    return next;
  }

  /** From the record's order to the schema type's. False when two keys mean one column. */
  #place(): boolean {
    const { count, from, to, escaped } = this.#scanner;
    this.from.fill(-2);
    for (let member = 0; member < count; member += 1) {
      const column = this.#columnOf(member);
      if (column < 0) continue;
      if (this.from[column] !== -2) return false;
      this.from[column] = from[member] as number;
      this.to[column] = to[member] as number;
      this.escaped[column] = escaped[member] as number;
    }
    return true;
  }

  #columnOf(member: number): number {
    const { keyFrom, keyTo } = this.#scanner;
    const [from, to] = [keyFrom[member] as number, keyTo[member] as number];
    const known = this.#keys[member];
    if (known && isKey(known.bytes, this.bytes, from, to)) return known.column;
    const key = this.bytes.subarray(from, to);
    const column = this.#reader.rows.columnOf(key.toString('utf8')) ?? -1;
    this.#keys[member] = { bytes: Buffer.from(key), column };
    return column;
  }

  #showRecord(from: number, to: number): void {
    const record = this.bytes.toString('utf8', from, to);
    this.#reader.add(this.#shown ? `,${record}` : record);
    this.#shown = true;
    this.#judgeShown();
    // It was not what it looked like, and the reader waits for more of it.
    if (!this.#reader.rows.betweenRecords) this.#part = 'rest';
  }

  /** The rest is for the reader, from behind the last record on. */
  #leaveRecords(at = 0): number {
    if (this.#begun && !this.#shown) this.#reader.passOver();
    this.#part = 'rest';
    return at;
  }

  #show(from: number, to: number): number {
    this.#reader.add(this.bytes.toString('utf8', from, to));
    this.#judgeShown();
    return to;
  }

  #judgeShown(): void {
    const batch: RecordBatch | undefined = this.#reader.rows.batch();
    if (!batch) return;
    this.#unknown.push(...batch.unknownHeaders);
    for (const record of batch.records) this.#batch.judge(this.#maker, record);
  }

  #startBatch(): void {
    this.#batch = new OpenBatch(this.bytes.length + 1_024);
    this.#unknown = [];
  }

  #takeBatch(): EncodedBatch | undefined {
    this.#judgeShown();
    const { rows, rejections, leftOut } = this.#batch;
    const unknownHeaders = this.#unknown;
    if (this.#batch.isEmpty && unknownHeaders.length === 0) return undefined;
    const { headers } = this.#reader.rows;
    return { headers, rows, rejections, leftOut, unknownHeaders, warnings: [] };
  }
}

function isKey(key: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (key.length !== to - from) return false;
  for (let index = 0; index < key.length; index += 1) if (key[index] !== bytes[from + index]) return false;
  return true;
}
