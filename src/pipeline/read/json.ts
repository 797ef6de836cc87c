import { getManyValues, isMany, none } from 'stream-chain/defs.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { FileFault } from '../../schemas/faults.ts';
import type { HeaderMatcher } from '../../schemas/header.ts';
import type { RecordBatch } from '../records.ts';
import { JsonRows } from './json-rows.ts';
import { MAX_RECORD_CHARACTERS } from './limits.ts';

const SLICE_CHARACTERS = 8 * 1024;
const BRACKET = /[[\]{}]/g;
/** Characters without a bracket after which what is held is taken all the same. */
const MAX_HELD_CHARACTERS = 64 * 1024;

/**
 * Reads JSON records: an array of objects, or an object with one in `data`, `records`, `items` or `rows`.
 * A record's line is its number, from 1. Numbers stay text, so 10.10 and 20-digit ids arrive as they are.
 * @throws {FileFault} for what makes the whole file unusable; a malformed record only carries its fault
 */
export async function* readJson(
  text: AsyncIterable<string>,
  matcher: HeaderMatcher,
  columnNames: readonly string[],
): AsyncGenerator<RecordBatch> {
  const reader = new JsonReader(matcher, columnNames);
  for await (const piece of text) {
    reader.add(piece);
    const batch = reader.rows.batch();
    if (batch) yield batch;
  }
  reader.end();
  const batch = reader.rows.batch();
  if (batch) yield batch;
}

/** A JSON file as far as it has come, read by stream-json. */
export class JsonReader {
  readonly rows: JsonRows;
  readonly #parse = jsonParser({ packValues: true, streamValues: false });
  #waiting = 0;
  #blank = true;
  /** Tokens since the last bracket, and the characters that they came from. */
  #held: Token[] = [];
  #heldCharacters = 0;

  constructor(matcher: HeaderMatcher, columnNames: readonly string[]) {
    this.rows = new JsonRows(matcher, columnNames);
  }

  /** @throws {FileFault} */
  add(text: string): void {
    this.#blank &&= text.trim() === '';
    for (let at = 0; at < text.length; ) {
      // An error loses the tokens before it in what is parsed, so that is cut at every bracket: then the number of
      // the bad record is known, and of two faults the first is told. What came since the last bracket is lost with
      // it, also when it was parsed before: where the network cuts a file must not change what is said of it.
      BRACKET.lastIndex = at;
      const bracket = BRACKET.test(text) ? BRACKET.lastIndex : Number.POSITIVE_INFINITY;
      const end = Math.min(bracket, text.length, at + SLICE_CHARACTERS);
      const tokens = this.#tokens(text.slice(at, end));
      // One key, string or number that does not end: the parser holds all of it.
      this.#waiting = tokens.length > 0 ? 0 : this.#waiting + end - at;
      if (this.#waiting > MAX_RECORD_CHARACTERS) throw this.rows.tooLarge();
      if (end === bracket || this.#heldCharacters > MAX_HELD_CHARACTERS) {
        this.#takeHeld();
        for (const token of tokens) this.rows.take(token);
      } else this.#hold(tokens, end - at);
      at = end;
    }
  }

  /** Tells the parser that records came which it has not seen. */
  passOver(): void {
    this.#tokens('{}');
  }

  /** @throws {FileFault} when the text is not complete */
  end(): void {
    if (this.#blank) throw new FileFault('EMPTY_FILE', 'The file is empty.');
    const { rows } = this;
    if (this.#endsWhole()) this.#takeHeld();
    if (rows.done) return rows.expectSome();
    const message = `The JSON ends in the middle, after ${rows.count} complete records. The file is cut off: send it again.`;
    throw new FileFault('TRUNCATED_JSON', message, { line: rows.count + 1 });
  }

  /** False when the text ends too early. Whether its last number was a token already depends on where it was cut. */
  #endsWhole(): boolean {
    try {
      this.#hold(tokensOf(this.#parse(none as unknown as string)), 0);
      return true;
    } catch {
      return false;
    }
  }

  #hold(tokens: readonly Token[], characters: number): void {
    for (const token of tokens) this.#held.push(token);
    this.#heldCharacters += characters;
  }

  #takeHeld(): void {
    const held = this.#held;
    if (this.#heldCharacters === 0 && held.length === 0) return;
    this.#held = [];
    this.#heldCharacters = 0;
    for (const token of held) this.rows.take(token);
  }

  #tokens(slice: string): readonly Token[] {
    const { rows } = this;
    try {
      return tokensOf(this.#parse(slice));
    } catch (error) {
      const { message } = error as Error;
      if (rows.done || /unexpected characters/.test(message)) {
        throw new FileFault(
          'TRAILING_DATA',
          'There is more after the end of the JSON. Send one array, or one object with one array, in a file.',
        );
      }
      const expected = /expected.*/.exec(message)?.[0] ?? 'a character is out of place';
      const sentence = `The JSON is not valid near record ${rows.count + 1}: ${expected.slice(0, 80)}. Export the file again.`;
      throw new FileFault('INVALID_JSON', sentence, { line: rows.count + 1 });
    }
  }
}

function tokensOf(result: unknown): readonly Token[] {
  if (result === none) return [];
  return (isMany(result) ? getManyValues(result as never) : [result]) as readonly Token[];
}
