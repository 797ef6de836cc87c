const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** The record goes on behind the bytes that are there. */
export const NEEDS_MORE = -1;
/** Not RFC 4180: csv-parse says what is wrong with it. */
export const IRREGULAR = -2;

export const BARE = 0;
const QUOTED = 1;
/** Quoted, with quotes within that are written twice. */
export const ESCAPED = 2;

/** Cuts RFC 4180 records into cells where they lie in the file's bytes. */
export class CsvScanner {
  /** Cells of the last record. */
  count = 0;
  from = new Int32Array(64);
  to = new Int32Array(64);
  /** {@link BARE}, quoted or {@link ESCAPED}. */
  kind = new Uint8Array(64);
  /** Line ends within the cells of the last record. */
  breaks = 0;
  /** The last record ended in a line break. */
  terminated = false;

  /**
   * Cuts the record that begins at `at`; returns where the next begins, {@link NEEDS_MORE} or {@link IRREGULAR}.
   * @param last nothing follows `end`
   */
  next(bytes: Buffer, at: number, end: number, last: boolean): number {
    this.count = 0;
    this.breaks = 0;
    for (let cell = at; ; ) {
      const stop =
        bytes[cell] === QUOTE && cell < end
          ? this.#quoted(bytes, cell, end, last)
          : this.#bare(bytes, cell, end);
      if (stop < 0) return stop;
      if (stop >= end) {
        this.terminated = false;
        return last ? end : NEEDS_MORE;
      }
      const byte = bytes[stop];
      if (byte === COMMA) {
        cell = stop + 1;
        continue;
      }
      this.terminated = true;
      if (byte === LF) return stop + 1;
      if (byte !== CR) return IRREGULAR;
      if (stop + 1 < end) return bytes[stop + 1] === LF ? stop + 2 : stop + 1;
      return last ? end : NEEDS_MORE;
    }
  }

  #bare(bytes: Buffer, from: number, end: number): number {
    let at = from;
    for (; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte <= COMMA && (byte === COMMA || byte === LF || byte === CR || byte === QUOTE)) break;
    }
    this.#add(from, at, BARE);
    return at < end && bytes[at] === QUOTE ? IRREGULAR : at;
  }

  #quoted(bytes: Buffer, quote: number, end: number, last: boolean): number {
    let kind = QUOTED;
    for (let at = quote + 1; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        if (at + 1 >= end && !last) return NEEDS_MORE;
        if (at + 1 >= end || bytes[at + 1] !== QUOTE) {
          this.#add(quote + 1, at, kind);
          return at + 1;
        }
        kind = ESCAPED;
        at += 1;
      } else if (byte === CR || (byte === LF && bytes[at - 1] !== CR)) this.breaks += 1;
    }
    return last ? IRREGULAR : NEEDS_MORE;
  }

  #add(from: number, to: number, kind: number): void {
    const { count } = this;
    if (count === this.from.length) this.#grow();
    this.from[count] = from;
    this.to[count] = to;
    this.kind[count] = kind;
    this.count = count + 1;
  }

  #grow(): void {
    const { from, to, kind } = this;
    this.from = new Int32Array(from.length * 2);
    this.to = new Int32Array(from.length * 2);
    this.kind = new Uint8Array(from.length * 2);
    this.from.set(from);
    this.to.set(to);
    this.kind.set(kind);
  }
}
