/** Rows in PostgreSQL's binary COPY format, one after the other in one buffer. */
export class CopyRows {
  /** Larger than what is used of it; replaced when it grows, so it is never kept in a variable for long. */
  bytes: Buffer;
  /** Bytes used. */
  at = 0;
  /** Rows written. */
  count = 0;
  /** Where each row ends. */
  ends = new Int32Array(1_024);
  /** Two hashes of each row's natural key. */
  hashes = new Int32Array(2_048);

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for so many bytes more. */
  reserve(needed: number): void {
    if (this.at + needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.at + needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** The bytes since the last row's end are a row with a key of these hashes. */
  endRow(first: number, second: number): void {
    if (this.count === this.ends.length) {
      this.ends = doubled(this.ends);
      this.hashes = doubled(this.hashes);
    }
    this.ends[this.count] = this.at;
    this.hashes[2 * this.count] = first;
    this.hashes[2 * this.count + 1] = second;
    this.count += 1;
  }

  startOf(row: number): number {
    return row === 0 ? 0 : (this.ends[row - 1] as number);
  }

  endOf(row: number): number {
    return this.ends[row] as number;
  }

  /** Forgets every row and keeps the memory. */
  clear(): void {
    this.at = 0;
    this.count = 0;
  }

  // What follows writes into room that has been reserved.

  int32(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.at = at + 4;
  }

  int16(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
    this.at = at + 2;
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  copy(source: Buffer, from: number, to: number): void {
    const { bytes, at } = this;
    // A loop is faster than the call for what is short.
    if (to - from <= 32)
      for (let index = from; index < to; index += 1) bytes[at + index - from] = source[index] as number;
    else source.copy(bytes, at, from, to);
    this.at = at + to - from;
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2);
  grown.set(array);
  return grown;
}
