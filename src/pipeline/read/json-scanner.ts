import { MAX_COLUMNS } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const EXPONENT = 0x65;
const SHORT_ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('bfnrt"\\/'));
const LITERALS = ['true', 'false', 'null'].map((word) => Buffer.from(word));

/** The record goes on behind the bytes that are there. */
export const NEEDS_MORE = -1;
/** Not a flat object in strict JSON; it may be another, or none. */
export const NOT_FLAT = -2;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(bytes[at])) at += 1;
  return at;
}

/** Cuts flat JSON objects into keys and values where they lie in the file's bytes. */
export class JsonScanner {
  /** Members of the last record. */
  count = 0;
  readonly keyFrom = new Int32Array(MAX_COLUMNS);
  readonly keyTo = new Int32Array(MAX_COLUMNS);
  /** Without the quotes of a string; -1 for null. */
  readonly from = new Int32Array(MAX_COLUMNS);
  readonly to = new Int32Array(MAX_COLUMNS);
  /** 1: a string with escapes. */
  readonly escaped = new Uint8Array(MAX_COLUMNS);
  #escapes = false;

  /** Cuts the object that begins at `start`; returns where it ends, {@link NEEDS_MORE} or {@link NOT_FLAT}. */
  next(bytes: Buffer, start: number, end: number): number {
    this.count = 0;
    let at = skipSpace(bytes, start + 1, end);
    if (bytes[at] === CLOSE_BRACE && at < end) return at + 1;
    for (;;) {
      at = this.#member(bytes, at, end);
      if (at < 0) return at;
      at = skipSpace(bytes, at, end);
      if (at >= end) return NEEDS_MORE;
      if (bytes[at] === CLOSE_BRACE) return at + 1;
      if (bytes[at] !== COMMA) return NOT_FLAT;
      at = skipSpace(bytes, at + 1, end);
    }
  }

  #member(bytes: Buffer, from: number, end: number): number {
    if (from >= end) return NEEDS_MORE;
    const { count } = this;
    if (bytes[from] !== QUOTE || count === MAX_COLUMNS) return NOT_FLAT;
    const keyEnd = this.#string(bytes, from, end);
    if (keyEnd < 0) return keyEnd;
    if (this.#escapes) return NOT_FLAT;
    this.keyFrom[count] = from + 1;
    this.keyTo[count] = keyEnd - 1;
    let at = skipSpace(bytes, keyEnd, end);
    if (at >= end) return NEEDS_MORE;
    if (bytes[at] !== COLON) return NOT_FLAT;
    at = skipSpace(bytes, at + 1, end);
    if (at >= end) return NEEDS_MORE;
    this.count = count + 1;
    return this.#value(bytes, at, end, count);
  }

  #value(bytes: Buffer, from: number, end: number, index: number): number {
    const byte = bytes[from] as number;
    this.escaped[index] = 0;
    if (byte === QUOTE) {
      const stop = this.#string(bytes, from, end);
      this.from[index] = from + 1;
      this.to[index] = stop - 1;
      if (this.#escapes) this.escaped[index] = 1;
      return stop;
    }
    const stop =
      byte === MINUS || (byte >= ZERO && byte <= NINE)
        ? numberAt(bytes, from, end)
        : literalAt(bytes, from, end);
    this.from[index] = bytes[from] === 0x6e ? -1 : from;
    this.to[index] = stop;
    return stop;
  }

  /** Where the string ends that begins at this quote. */
  #string(bytes: Buffer, quote: number, end: number): number {
    this.#escapes = false;
    for (let at = quote + 1; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) {
        if (at + 5 >= end) return NEEDS_MORE;
        this.#escapes = true;
        const length = escapeAt(bytes, at);
        if (length === 0) return NOT_FLAT;
        at += length - 1;
      } else if (byte < 0x20) return NOT_FLAT;
    }
    return NEEDS_MORE;
  }
}

/** Bytes of a valid escape; 0 for another. */
function escapeAt(bytes: Buffer, at: number): number {
  if (SHORT_ESCAPES.has(bytes[at + 1])) return 2;
  return bytes[at + 1] === 0x75 && /^[0-9a-fA-F]{4}$/.test(bytes.toString('latin1', at + 2, at + 6)) ? 6 : 0;
}

function literalAt(bytes: Buffer, from: number, end: number): number {
  const word = LITERALS.find((literal) => literal[0] === bytes[from]);
  if (!word) return NOT_FLAT;
  if (from + word.length >= end) return NEEDS_MORE;
  return bytes.compare(word, 0, word.length, from, from + word.length) === 0
    ? endOfValue(bytes, from + word.length)
    : NOT_FLAT;
}

/** RFC 8259 numbers: no leading zeros, no bare point. */
function numberAt(bytes: Buffer, from: number, end: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  const integer = digitsFrom(bytes, at, end);
  if (integer > at + 1 && bytes[at] === ZERO) return NOT_FLAT;
  if (integer === at) return at < end ? NOT_FLAT : NEEDS_MORE;
  at = integer;
  if (at < end && bytes[at] === POINT) {
    const fraction = digitsFrom(bytes, at + 1, end);
    if (fraction === at + 1) return fraction < end ? NOT_FLAT : NEEDS_MORE;
    at = fraction;
  }
  if (at < end && ((bytes[at] as number) | 0x20) === EXPONENT) {
    at += 1;
    if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at += 1;
    const exponent = digitsFrom(bytes, at, end);
    if (exponent === at) return at < end ? NOT_FLAT : NEEDS_MORE;
    at = exponent;
  }
  return at < end ? endOfValue(bytes, at) : NEEDS_MORE;
}

function digitsFrom(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
  return at;
}

/** A number or word goes as far as something that may follow it. */
function endOfValue(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  return isSpace(byte) || byte === COMMA || byte === CLOSE_BRACE ? at : NOT_FLAT;
}

/**
 * Where the object or array that begins here ends if it is valid JSON, told by brackets and quotes alone; or
 * {@link NEEDS_MORE}.
 */
export function endOfStructure(bytes: Buffer, from: number, end: number): number {
  let depth = 0;
  let inString = false;
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return NEEDS_MORE;
}
