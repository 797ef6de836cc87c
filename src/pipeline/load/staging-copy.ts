import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import type { PoolClient } from '../../database/pool.ts';

/** Rows are handed to PostgreSQL in pieces of about this size. */
const FLUSH_BYTES = 64 * 1024;

/** COPYs rows into a staging table, in text format, as fast as the server takes them. */
export class StagingCopy {
  readonly #stream: CopyStreamQuery;
  #lines: string[] = [];
  #length = 0;
  #failure: Error | undefined;

  constructor(client: PoolClient, copySql: string) {
    this.#stream = client.query(copyFrom(copySql));
    this.#stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** Adds one row; await the result only when it is a promise, so that most rows cost no turn of the loop. */
  add(line: number, values: readonly (string | null)[]): Promise<void> | undefined {
    let text = String(line);
    for (const value of values) text += value === null ? '\t\\N' : `\t${escapeCopy(value)}`;
    this.#lines.push(text);
    this.#length += text.length;
    return this.#length >= FLUSH_BYTES ? this.#flush() : undefined;
  }

  /** Resolves when the server has taken every row. Rejects with the server's error. */
  async end(): Promise<void> {
    await this.#flush();
    this.#stream.end();
    await finished(this.#stream);
  }

  /** Ends an unfinished COPY, so that the connection can roll back. */
  async abort(): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableFinished) return;
    const ended = once(this.#stream, 'close').catch(() => undefined);
    this.#stream.destroy();
    await ended;
  }

  async #flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#lines.length === 0) return;
    const bytes = Buffer.from(`${this.#lines.join('\n')}\n`, 'utf8');
    this.#lines = [];
    this.#length = 0;
    if (this.#stream.write(bytes)) return;
    await Promise.race([once(this.#stream, 'drain'), once(this.#stream, 'close')]);
    if (this.#failure) throw this.#failure;
  }
}

const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCopy(value: string): string {
  return SPECIAL.test(value)
    ? value.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character)
    : value;
}
