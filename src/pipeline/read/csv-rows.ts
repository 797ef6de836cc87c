import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { HeaderMatch, HeaderMatcher } from '../../schemas/header.ts';
import type { SourceRecord } from '../records.ts';
import { isBlank } from './csv-end.ts';
import { MAX_COLUMNS } from './limits.ts';

/** What the rows of a CSV file mean, once the first has been understood as the header. */
export class CsvRows {
  readonly #matcher: HeaderMatcher;
  #match: HeaderMatch | undefined;
  headers: readonly string[] = [];
  /** Rows with a value. */
  count = 0;

  constructor(matcher: HeaderMatcher) {
    this.#matcher = matcher;
  }

  get hasHeader(): boolean {
    return this.#match !== undefined;
  }

  /** Index into `schema.columns` for each header; -1: not loaded. */
  get columnOf(): readonly number[] {
    return this.#match?.columnOf ?? [];
  }

  /** Returns the headers that no column goes by. @throws {FileFault} */
  readHeader(headers: readonly string[]): readonly string[] {
    if (headers.length > MAX_COLUMNS) {
      throw new FileFault(
        'TOO_MANY_COLUMNS',
        `The header has ${headers.length} columns; ${MAX_COLUMNS} are accepted.`,
        { line: 1 },
      );
    }
    refuseOtherDelimiters(headers);
    this.headers = headers;
    this.#match = this.#matcher.matchAll(headers);
    return this.#match.unknown;
  }

  /** Undefined for a row without a single value, such as spreadsheets leave below the data. */
  toRecord(cells: readonly string[], line: number): SourceRecord | undefined {
    if (cells.length === 1 && isBlank(cells[0] as string)) return undefined;
    const { columnOf } = this;
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
    this.count += 1;
    const fault = this.#columnCount(cells, line);
    return fault ? { line, values, cells, fault } : { line, values, cells };
  }

  /** @throws {FileFault} */
  expectSome(): void {
    if (!this.#match) throw new FileFault('EMPTY_FILE', 'The file is empty.');
    if (this.count === 0)
      throw new FileFault('NO_ROWS', 'The file has a header and no rows. Export it again with its data.', {
        line: 1,
      });
  }

  #columnCount(cells: readonly string[], line: number): Fault | undefined {
    const { length } = cells;
    const width = this.headers.length;
    if (length === width) return undefined;
    // Some exporters end every row with a comma.
    if (length > width && cells.slice(width).every((cell) => cell === '')) return undefined;
    const message =
      `Line ${line} has ${length} values, but the header names ${width} columns. ` +
      'Check it for a missing or extra comma; a value that contains a comma needs quotes around it.';
    return { line, column: null, code: 'COLUMN_COUNT', message, value: cells.join(',').slice(0, 100) };
  }
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
