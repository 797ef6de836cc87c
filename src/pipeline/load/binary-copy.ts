import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import type { PoolClient } from '../../database/pool.ts';

/** Signature, flags and the length of an extension that does not exist. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);

/** COPYs rows into a table in the binary format, as fast as the server takes them. */
export class BinaryCopy {
  readonly #stream: CopyStreamQuery;
  #failure: Error | undefined;
  /** Goes on with the write that waits for the server. */
  #resume: () => void = () => undefined;

  constructor(client: PoolClient, copySql: string) {
    this.#stream = client.query(copyFrom(copySql));
    this.#stream.on('error', (error) => {
      this.#failure = error;
      this.#resume();
    });
    this.#stream.on('drain', () => this.#resume());
    this.#stream.on('close', () => this.#resume());
    this.#stream.write(HEADER);
  }

  /** The bytes must not change any more. Rejects with the server's error, which may be about earlier rows. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (bytes.length === 0 || this.#stream.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    if (this.#failure) throw this.#failure;
  }

  /** Resolves with the number of rows when the server has taken every one. Rejects with the server's error. */
  async end(): Promise<number> {
    if (this.#failure) throw this.#failure;
    this.#stream.end(TRAILER);
    await finished(this.#stream);
    return this.#stream.rowCount;
  }

  /** Ends an unfinished COPY, so that the connection can roll back. */
  async abort(): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableFinished) return;
    const ended = once(this.#stream, 'close').catch(() => undefined);
    this.#stream.destroy();
    await ended;
  }
}
