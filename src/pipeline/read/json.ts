import { getManyValues, isMany, none } from 'stream-chain/defs.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { FileFault } from '../../schemas/faults.ts';
import type { HeaderMatcher } from '../../schemas/header.ts';
import type { RecordBatch } from '../records.ts';
import { JsonRows } from './json-rows.ts';
import { MAX_RECORD_CHARACTERS } from './limits.ts';

const SLICE_CHARACTERS = 8 * 1024;

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
  const parse = jsonParser({ packValues: true, streamValues: false });
  const rows = new JsonRows(matcher, columnNames);
  let waiting = 0;
  let blank = true;
  for await (const piece of text) {
    blank &&= piece.trim() === '';
    // In slices, because an error loses the tokens before it: the smaller the slice, the truer the record number.
    for (let at = 0; at < piece.length; at += SLICE_CHARACTERS) {
      const slice = piece.slice(at, at + SLICE_CHARACTERS);
      const tokens = parseSlice(parse, slice, rows);
      // One key, string or number that does not end: the parser holds all of it.
      waiting = tokens.length > 0 ? 0 : waiting + slice.length;
      if (waiting > MAX_RECORD_CHARACTERS) throw rows.tooLarge();
      for (const token of tokens) rows.take(token);
    }
    const batch = rows.batch();
    if (batch) yield batch;
  }
  if (blank) throw new FileFault('EMPTY_FILE', 'The file is empty.');
  finish(parse, rows);
  const batch = rows.batch();
  if (batch) yield batch;
  rows.expectSome();
}

type Parse = ReturnType<typeof jsonParser>;

function parseSlice(parse: Parse, slice: string, rows: JsonRows): readonly Token[] {
  try {
    return tokensOf(parse(slice));
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

function finish(parse: Parse, rows: JsonRows): void {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(parse(none as unknown as string));
  } catch {
    tokens = [];
  }
  for (const token of tokens) rows.take(token);
  if (rows.done) return;
  const message = `The JSON ends in the middle, after ${rows.count} complete records. The file is cut off: send it again.`;
  throw new FileFault('TRUNCATED_JSON', message, { line: rows.count + 1 });
}

function tokensOf(result: unknown): readonly Token[] {
  if (result === none) return [];
  return (isMany(result) ? getManyValues(result as never) : [result]) as readonly Token[];
}
