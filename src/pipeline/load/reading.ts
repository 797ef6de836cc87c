import type { Warning } from '../../intake/uploads.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { countPassed } from '../../support/buffer-collection.ts';
import type { EncodedBatch } from '../encode/batches.ts';
import type { CopyRows } from '../encode/copy-rows.ts';
import type { Rejects } from './rejects.ts';
import { rowsLeftOut } from './row-errors.ts';

const MAX_NAMED_COLUMNS = 20;

/** One pass over a file: bad rows go to the rejects, good ones to whoever asks. */
export class Reading {
  readonly #schema: SchemaType;
  readonly #spec: TransformerSpec;
  readonly #source: AsyncIterator<EncodedBatch>;
  readonly #rejects: Rejects;
  readonly #unknown: string[] = [];
  readonly #warnings: Warning[] = [];
  #leftOut = 0;
  #ahead: CopyRows[] = [];

  constructor(
    schema: SchemaType,
    spec: TransformerSpec,
    batches: AsyncIterable<EncodedBatch>,
    rejects: Rejects,
  ) {
    this.#schema = schema;
    this.#spec = spec;
    this.#source = batches[Symbol.asyncIterator]();
    this.#rejects = rejects;
  }

  /** Reads ahead until the file ends, which is when it returns its rows, or has more than a small file. */
  async peek(isSmall: (rows: number, bytes: number) => boolean): Promise<readonly CopyRows[] | undefined> {
    let rows = 0;
    let bytes = 0;
    while (isSmall(rows, bytes)) {
      const next = await this.#pull();
      if (!next) return this.#ahead;
      this.#ahead.push(next);
      rows += next.count;
      bytes += next.at;
    }
    return undefined;
  }

  /** What has been read and not been taken. */
  get ahead(): readonly CopyRows[] {
    return this.#ahead;
  }

  /** Undefined at the end of the file. */
  async next(): Promise<CopyRows | undefined> {
    return this.#ahead.shift() ?? (await this.#pull());
  }

  async toEnd(): Promise<void> {
    while (await this.next());
  }

  async close(): Promise<void> {
    this.#ahead = [];
    await this.#source.return?.();
  }

  /** Once the file has been read. */
  get warnings(): Warning[] {
    return [
      ...(this.#unknown.length > 0 ? [unknownColumns(this.#schema, this.#unknown)] : []),
      ...(this.#leftOut > 0 ? [rowsLeftOut(this.#spec, this.#leftOut)] : []),
      ...this.#warnings,
    ];
  }

  async #pull(): Promise<CopyRows | undefined> {
    const { value, done } = await this.#source.next();
    if (done) return undefined;
    const { headers, rows, rejections, leftOut, unknownHeaders, warnings } = value;
    this.#leftOut += leftOut;
    countPassed(rows.at);
    this.#unknown.push(...unknownHeaders);
    this.#warnings.push(...warnings);
    for (const { record, faults } of rejections) await this.#rejects.add(headers, record, faults);
    return rows;
  }
}

function unknownColumns(schema: SchemaType, headers: readonly string[]): Warning {
  const named = headers.slice(0, MAX_NAMED_COLUMNS).map((header) => `"${header.slice(0, 100)}"`);
  const more = headers.length > named.length ? ` and ${headers.length - named.length} more` : '';
  const message = `${schema.name} has no columns for ${named.join(', ')}${more}: they were not loaded.`;
  return { code: 'UNKNOWN_COLUMNS', message };
}
