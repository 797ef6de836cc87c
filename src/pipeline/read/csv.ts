import { type CsvError, type Info, Parser } from 'csv-parse';
import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { HeaderMatch, HeaderMatcher } from '../../schemas/header.ts';
import type { RecordBatch, SourceRecord } from '../records.ts';
import { isBlank, lookAtEnd } from './csv-end.ts';
import { MAX_COLUMNS, MAX_RECORD_CHARACTERS } from './limits.ts';

/** What csv-parse yields with `info: true`. */
interface ParsedRecord {
  readonly record: readonly string[];
  readonly info: Info;
}

/**
 * Reads RFC 4180 CSV with a header, a batch for each piece of text. Lines count from 1, the header's.
 * @throws {FileFault} for what makes the whole file unusable; a malformed row only carries its fault
 */
export async function* readCsv(
  text: AsyncIterable<string>,
  matcher: HeaderMatcher,
): AsyncGenerator<RecordBatch> {
  const parser = openParser();
  const rows = new RowReader(matcher);
  let last = '';
  for await (const piece of text) {
    const batch = rows.take(await feed(parser, piece, rows));
    if (batch) yield batch;
    last = piece.at(-1) ?? last;
  }
  const atEnd = await finish(parser, rows);
  const batch = rows.takeLast(atEnd, last === '\n' || last === '\r');
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
async function feed(parser: Parser, piece: string, rows: RowReader): Promise<ParsedRecord[]> {
  const written = new Promise<Error | null | undefined>((resolve) => parser.write(piece, resolve));
  const records = drain(parser);
  const error = await written;
  if (!error) return records;
  // The rows before it tell the line on which the bad one begins.
  rows.take(records);
  throw explain(error as CsvError, rows);
}

async function finish(parser: Parser, rows: RowReader): Promise<ParsedRecord[]> {
  parser.end();
  // Taken out in the same turn: a parser that fails at the end drops what nobody has read.
  const records = drain(parser);
  try {
    for await (const record of parser) records.push(record as ParsedRecord);
  } catch (error) {
    rows.take(records);
    throw explain(error as CsvError, rows);
  }
  return records;
}

function drain(parser: Parser): ParsedRecord[] {
  const records: ParsedRecord[] = [];
  for (let record = parser.read(); record !== null; record = parser.read())
    records.push(record as ParsedRecord);
  return records;
}

/** Turns parsed records into rows by column, once the first has been understood as the header. */
class RowReader {
  readonly #matcher: HeaderMatcher;
  #headers: readonly string[] = [];
  #match: HeaderMatch | undefined;
  #width = 0;
  #rows = 0;
  /** The last line that a record has used. */
  lastLine = 0;

  constructor(matcher: HeaderMatcher) {
    this.#matcher = matcher;
  }

  take(parsed: readonly ParsedRecord[]): RecordBatch | undefined {
    let unknownHeaders: readonly string[] = [];
    const records: SourceRecord[] = [];
    for (const { record, info } of parsed) {
      const line = info.lines - newlinesIn(record, info.lines - this.lastLine);
      this.lastLine = info.lines;
      if (this.#match) {
        const row = this.#toRow(record, line, this.#match);
        if (row) records.push(row);
      } else {
        this.#match = this.#readHeader(record);
        unknownHeaders = this.#match.unknown;
      }
    }
    this.#rows += records.length;
    return records.length > 0 || unknownHeaders.length > 0
      ? { headers: this.#headers, records, unknownHeaders }
      : undefined;
  }

  /** What the parser held until the end of the text. @throws {FileFault} when that is a row cut off */
  takeLast(parsed: readonly ParsedRecord[], endsInLineBreak: boolean): RecordBatch | undefined {
    const header = this.#match === undefined;
    const batch = this.take(parsed);
    const lastRow = header || endsInLineBreak ? undefined : parsed.at(-1)?.record;
    const warning = lookAtEnd(lastRow, batch?.records.at(-1)?.line ?? this.lastLine, this.#width);
    return warning && batch ? { ...batch, warnings: [warning] } : batch;
  }

  expectSome(): void {
    if (!this.#match) throw new FileFault('EMPTY_FILE', 'The file is empty.');
    if (this.#rows === 0)
      throw new FileFault('NO_ROWS', 'The file has a header and no rows. Export it again with its data.', {
        line: 1,
      });
  }

  #readHeader(headers: readonly string[]): HeaderMatch {
    if (headers.length > MAX_COLUMNS) {
      throw new FileFault(
        'TOO_MANY_COLUMNS',
        `The header has ${headers.length} columns; ${MAX_COLUMNS} are accepted.`,
        { line: 1 },
      );
    }
    refuseOtherDelimiters(headers);
    this.#headers = headers;
    this.#width = headers.length;
    return this.#matcher.matchAll(headers);
  }

  /** Undefined for a row without a single value, such as spreadsheets leave below the data. */
  #toRow(cells: readonly string[], line: number, { columnOf }: HeaderMatch): SourceRecord | undefined {
    if (cells.length === 1 && isBlank(cells[0] as string)) return undefined;
    const values: (string | null)[] = [];
    let empty = true;
    for (let index = 0; index < cells.length; index += 1) {
      const cell = cells[index];
      if (cell === undefined || cell === '') continue;
      empty = false;
      const column = columnOf[index];
      if (column !== undefined && column >= 0) values[column] = cell;
    }
    if (empty) return undefined;
    const fault = this.#columnCount(cells, line);
    return fault ? { line, values, cells, fault } : { line, values, cells };
  }

  #columnCount(cells: readonly string[], line: number): Fault | undefined {
    const { length } = cells;
    if (length === this.#width) return undefined;
    // Some exporters end every row with a comma.
    if (length > this.#width && cells.slice(this.#width).every((cell) => cell === '')) return undefined;
    const message =
      `Line ${line} has ${length} values, but the header names ${this.#width} columns. ` +
      'Check it for a missing or extra comma; a value that contains a comma needs quotes around it.';
    return { line, column: null, code: 'COLUMN_COUNT', message, value: cells.join(',').slice(0, 100) };
  }
}

/** Lines that a record takes beyond its first; its cells are searched only when there may be any. */
function newlinesIn(record: readonly string[], span: number): number {
  if (span <= 1) return 0;
  let count = 0;
  for (const cell of record) count += cell.match(/\r\n|\n|\r/g)?.length ?? 0;
  return count;
}

const DELIMITERS: readonly (readonly [string, string])[] = [
  [';', 'semicolons'],
  ['\t', 'tabs'],
  ['|', 'vertical bars'],
];

function refuseOtherDelimiters(headers: readonly string[]): void {
  const only = headers.length === 1 ? (headers[0] ?? '') : '';
  const found = DELIMITERS.find(([delimiter]) => only.includes(delimiter));
  if (!found) return;
  const message = `The columns are separated by ${found[1]}. Export the file with commas: in Excel choose "CSV UTF-8 (comma delimited)".`;
  throw new FileFault('WRONG_DELIMITER', message, { line: 1, value: only });
}

function explain(error: CsvError, rows: RowReader): unknown {
  const line = rows.lastLine + 1;
  // Only within quotes does a row go on over line ends.
  const overLines = Number((error as { lines?: number }).lines) > line;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || (error.code === 'CSV_MAX_RECORD_SIZE' && overLines)) {
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
