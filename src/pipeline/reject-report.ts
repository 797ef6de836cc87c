import { once } from 'node:events';
import { type CsvFormatterStream, type FormatterRow, format } from 'fast-csv';
import type { Warning } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';
import type { RawObjectWriter } from '../storage/raw-store.ts';
import type { SourceRecord } from './records.ts';

/** What the report adds to the columns of the file. */
const OWN_COLUMNS: readonly string[] = ['_line', '_errors'];

const MIB = 1024 * 1024;

/**
 * Characters that the report of a file may have. Rows with their reasons take two or three times their bytes; rows of
 * two bytes that lack everything would make 17 GB of a file of 100 MiB.
 */
export function reportRoom(fileBytes: number): number {
  return Math.min(MIB + 10 * fileBytes, 256 * MIB);
}

/**
 * The rejected rows of one file, as a CSV that can be mended and sent again: its own columns, then `_line` and
 * `_errors`, which the reader ignores. Nothing is stored when no row was rejected.
 */
export class RejectReport {
  /** Rows in the report. */
  rows = 0;
  readonly #writer: RawObjectWriter;
  #csv: CsvFormatterStream<FormatterRow, FormatterRow> | undefined;
  #stored: Promise<void> = Promise.resolve();
  #room: number;
  #leftOut = 0;
  /** Indices of the columns that are the file's own. */
  #kept: readonly number[] = [];

  /** @param room characters after which rows are only counted */
  constructor(writer: RawObjectWriter, room = Number.POSITIVE_INFINITY) {
    this.#writer = writer;
    this.#room = room;
  }

  /** Tells that rows are missing from the report. */
  get warnings(): Warning[] {
    if (this.#leftOut === 0) return [];
    const message = `The report has the first ${this.rows} rejected rows; ${this.#leftOut} more are not in it. Mend the export and send the whole file again.`;
    return [{ code: 'REPORT_CUT', message }];
  }

  async add(headers: readonly string[], record: SourceRecord, faults: readonly Fault[]): Promise<void> {
    if (this.#room <= 0) {
      this.#leftOut += 1;
      return;
    }
    this.#csv ??= this.#open(headers);
    this.rows += 1;
    const cells = this.#kept.map((index) => escapeFormula(record.cells[index] ?? ''));
    const errors = faults.map((fault) => fault.message).join('; ');
    this.#room -= cells.reduce((sum, cell) => sum + cell.length + 1, errors.length);
    if (!this.#csv.write([...cells, String(record.line), escapeFormula(errors)])) {
      await Promise.race([once(this.#csv, 'drain'), this.#stored]);
    }
  }

  /** Resolves when the report is durable; at once when there is none. */
  async end(): Promise<void> {
    if (!this.#csv) return;
    this.#csv.end();
    await this.#stored;
    await this.#writer.complete();
  }

  /** Ends an unfinished report. A complete one stays: a worker that was thought dead must not remove another's. */
  async abort(): Promise<void> {
    this.#csv?.destroy();
    await this.#stored.catch(() => undefined);
    await this.#writer.abort('keep');
  }

  #open(headers: readonly string[]): CsvFormatterStream<FormatterRow, FormatterRow> {
    const csv = format({ headers: false, includeEndRowDelimiter: true });
    this.#stored = this.#store(csv);
    // Reported by `end`; without a handler a store that fails meanwhile would end the process.
    this.#stored.catch(() => undefined);
    // A report that was sent again has these two already.
    this.#kept = [...headers.keys()].filter((index) => !OWN_COLUMNS.includes(headers[index] ?? ''));
    csv.write([...this.#kept.map((index) => escapeFormula(headers[index] ?? '')), ...OWN_COLUMNS]);
    return csv;
  }

  async #store(csv: AsyncIterable<Buffer | string>): Promise<void> {
    for await (const chunk of csv) await this.#writer.write(Buffer.from(chunk));
  }
}

/** A number such as -12.50 is no formula, and has to come back as it was when the report is sent again. */
const PLAIN_NUMBER = /^[+-]?\d+([.,]\d+)?$/;

/** Spreadsheets run what begins like a formula (OWASP, CSV injection); an apostrophe makes it text. */
function escapeFormula(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) && !PLAIN_NUMBER.test(cell) ? `'${cell}` : cell;
}
