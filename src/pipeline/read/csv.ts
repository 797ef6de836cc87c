import { type CsvError, type Info, Parser } from 'csv-parse';
import { FileFault } from '../../schemas/faults.ts';
import type { RecordBatch, SourceRecord } from '../records.ts';
import { lookAtEnd } from './csv-end.ts';
import type { CsvRows } from './csv-rows.ts';
import { MAX_RECORD_CHARACTERS } from './limits.ts';

/** What csv-parse yields with `info: true`. */
interface ParsedRecord {
  readonly record: readonly string[];
  readonly info: Info;
}

/**
 * Reads RFC 4180 CSV, a batch for each piece of text. Lines count from 1, the header's.
 * @param rows knows the header already when the text continues a file that was begun elsewhere
 * @param firstLine the line on which the text begins
 * @throws {FileFault} for what makes the whole file unusable; a malformed row only carries its fault
 */
export async function* readCsv(
  text: AsyncIterable<string>,
  rows: CsvRows,
  firstLine = 1,
): AsyncGenerator<RecordBatch> {
  const parser = openParser();
  const reader = new RecordReader(rows, firstLine);
  let last = '';
  for await (const piece of text) {
    const batch = reader.take(await feed(parser, piece, reader));
    if (batch) yield batch;
    last = piece.at(-1) ?? last;
  }
  const atEnd = await finish(parser, reader);
  const batch = reader.takeLast(atEnd, last === '\n' || last === '\r');
  if (batch) yield batch;
  rows.expectSome();
}

function openParser(): Parser {
  const parser = new Parser({
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // Named, because guessing once leaves a CR in the values of files with mixed line ends.
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: MAX_RECORD_CHARACTERS,
  });
  // Reported by the write that caused it; without a listener it would end the process.
  parser.on('error', () => undefined);
  return parser;
}

/** Writes one piece and takes out every record that it completed. */
async function feed(parser: Parser, piece: string, reader: RecordReader): Promise<ParsedRecord[]> {
  const written = new Promise<Error | null | undefined>((resolve) => parser.write(piece, resolve));
  const records = drain(parser);
  const error = await written;
  if (!error) return records;
  // The rows before it tell the line on which the bad one begins.
  reader.take(records);
  throw explain(error as CsvError, reader);
}

async function finish(parser: Parser, reader: RecordReader): Promise<ParsedRecord[]> {
  parser.end();
  // Taken out in the same turn: a parser that fails at the end drops what nobody has read.
  const records = drain(parser);
  try {
    for await (const record of parser) records.push(record as ParsedRecord);
  } catch (error) {
    reader.take(records);
    throw explain(error as CsvError, reader);
  }
  return records;
}

function drain(parser: Parser): ParsedRecord[] {
  const records: ParsedRecord[] = [];
  for (let record = parser.read(); record !== null; record = parser.read())
    records.push(record as ParsedRecord);
  return records;
}

/** Numbers the lines of parsed records and turns them into rows. */
class RecordReader {
  readonly #rows: CsvRows;
  /** The last line that a record has used. */
  #lastLine: number;
  /** The same as csv-parse counts it: from 1, and CRLF within quotes as two. */
  #parserLine = 0;
  #emptyLines = 0;

  constructor(rows: CsvRows, firstLine: number) {
    this.#rows = rows;
    this.#lastLine = firstLine - 1;
  }

  take(parsed: readonly ParsedRecord[]): RecordBatch | undefined {
    let unknownHeaders: readonly string[] = [];
    const records: SourceRecord[] = [];
    for (const { record, info } of parsed) {
      const line = this.#lineOf(record, info);
      if (this.#rows.hasHeader) {
        const row = this.#rows.toRecord(record, line);
        if (row) records.push(row);
      } else unknownHeaders = this.#rows.readHeader(record);
    }
    return records.length > 0 || unknownHeaders.length > 0
      ? { headers: this.#rows.headers, records, unknownHeaders }
      : undefined;
  }

  /** What the parser held until the end of the text. @throws {FileFault} when that is a row cut off */
  takeLast(parsed: readonly ParsedRecord[], endsInLineBreak: boolean): RecordBatch | undefined {
    const isHeader = !this.#rows.hasHeader && parsed.length === 1;
    const batch = this.take(parsed);
    const lastRow = isHeader || endsInLineBreak ? undefined : parsed.at(-1)?.record;
    const line = batch?.records.at(-1)?.line ?? this.#lastLine;
    const warning = lookAtEnd(lastRow, line, this.#rows.headers.length);
    return warning && batch ? { ...batch, warnings: [warning] } : batch;
  }

  /** The line on which a record begins that could not be read. */
  lineOfBad(error: CsvError): number {
    const { empty_lines: emptyLines = this.#emptyLines } = error as { empty_lines?: number };
    return this.#lastLine + 1 + emptyLines - this.#emptyLines;
  }

  /** Only within quotes does a row go on over line ends. */
  isOverLines(error: CsvError): boolean {
    const { lines = 0, empty_lines: emptyLines = 0 } = error as { lines?: number; empty_lines?: number };
    return lines > this.#parserLine + 1 + emptyLines - this.#emptyLines;
  }

  #lineOf(record: readonly string[], info: Info): number {
    const used = info.lines - this.#parserLine;
    // Its cells are searched only when it can have line ends, or stands behind empty lines.
    const [counted, within] = used > 1 ? lineEnds(record) : [0, 0];
    const line = this.#lastLine + used - counted;
    this.#lastLine = line + within;
    this.#parserLine = info.lines;
    this.#emptyLines = info.empty_lines;
    return line;
  }
}

/** Line ends within a record's cells, as csv-parse counts them and as everybody else does. */
function lineEnds(record: readonly string[]): [number, number] {
  let counted = 0;
  let within = 0;
  for (const cell of record) {
    counted += cell.match(/[\r\n]/g)?.length ?? 0;
    within += cell.match(/\r\n|\n|\r/g)?.length ?? 0;
  }
  return [counted, within];
}

function explain(error: CsvError, reader: RecordReader): unknown {
  const line = reader.lineOfBad(error);
  if (
    error.code === 'CSV_QUOTE_NOT_CLOSED' ||
    (error.code === 'CSV_MAX_RECORD_SIZE' && reader.isOverLines(error))
  ) {
    const message = `The row that begins near line ${line} has a quote (") that is never closed. Close it, or write "" for a quote within a value.`;
    return new FileFault('UNCLOSED_QUOTE', message, { line });
  }
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    const message = `The row that begins at line ${line} has more than ${MAX_RECORD_CHARACTERS} characters.`;
    return new FileFault('RECORD_TOO_LARGE', message, { line });
  }
  if (error.code === 'INVALID_OPENING_QUOTE' || error.code === 'CSV_INVALID_CLOSING_QUOTE') {
    const message = `Near line ${line} a quote (") stands in the middle of a value. Put the whole value in quotes and write each quote within it twice.`;
    return new FileFault('INVALID_QUOTE', message, { line });
  }
  return error;
}
