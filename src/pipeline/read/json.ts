import { getManyValues, isMany, none } from 'stream-chain/defs.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { FileFault } from '../../schemas/faults.ts';
import type { HeaderMatcher } from '../../schemas/header.ts';
import type { RecordBatch } from '../records.ts';
import { JsonRows } from './json-rows.ts';
import { MAX_RECORD_CHARACTERS } from './limits.ts';

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
    const tokens = parsePiece(parse, piece, rows);
    // One key, string or number that does not end: the parser holds all of it.
    waiting = tokens.length > 0 ? 0 : waiting + piece.length;
    if (waiting > MAX_RECORD_CHARACTERS) throw rows.tooLarge();
    for (const token of tokens) rows.take(token);
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

function parsePiece(parse: Parse, piece: string, rows: JsonRows): readonly Token[] {
  try {
    return tokensOf(parse(piece));
  } catch (error) {
    throw rows.done
      ? new FileFault(
          'TRAILING_DATA',
          'There is more after the end of the JSON. Send one array, or one object with one array, a file.',
        )
      : new FileFault(
          'INVALID_JSON',
          `The JSON is not valid after record ${rows.count}: ${plainReason(error)}. Export the file again.`,
          {
            line: rows.count + 1,
          },
        );
  }
}

function finish(parse: Parse, rows: JsonRows): void {
  try {
    for (const token of tokensOf(parse(none as unknown as string))) rows.take(token);
  } catch {
    // Reported below: the parser's own sentence speaks of its states.
  }
  if (rows.done) return;
  const message = `The JSON ends in the middle, after ${rows.count} complete records. The file is cut off: send it again.`;
  throw new FileFault('TRUNCATED_JSON', message, { line: rows.count + 1 });
}

function tokensOf(result: unknown): readonly Token[] {
  if (result === none) return [];
  return (isMany(result) ? getManyValues(result as never) : [result]) as readonly Token[];
}

function plainReason(error: unknown): string {
  const { message } = error as Error;
  return /expected/i.test(message)
    ? message.replace(/^Parser /, 'the parser ').slice(0, 120)
    : 'a character is out of place';
}
