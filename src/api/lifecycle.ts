import type { Server } from 'node:http';

/** Idle keep-alive connections are looked for this often while the server drains, in milliseconds. */
const IDLE_CHECK_MS = 100;
/** After the deadline, the time in which clients may still take their 503. */
const LAST_WORD_MS = 1_000;

/** How far the end of the server has come: running → draining (no new uploads) → stopping (no waiting either). */
export class Lifecycle {
  readonly #leaving = new AbortController();
  readonly #stopping = new AbortController();
  readonly #uploads = new Set<Promise<unknown>>();
  /** True once new uploads are to be sent elsewhere. */
  get draining(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** Aborted when the server begins to drain: nobody is to wait here for what other servers can tell as well. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Aborted when the rest of open uploads can no longer be waited for. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Remembers an upload until it is decided: the stores stay open for it. */
  async track<Result>(upload: Promise<Result>): Promise<Result> {
    this.#uploads.add(upload);
    try {
      return await upload;
    } finally {
      this.#uploads.delete(upload);
    }
  }

  /**
   * Lets requests finish for up to `graceMs`; uploads that are still open then are answered 503 and abandoned.
   * Resolves when every connection is gone and every upload is decided.
   */
  async drain(server: Server, closeServer: () => Promise<void>, graceMs: number): Promise<void> {
    this.#leaving.abort();
    const closed = closeServer();
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const last: { timer?: NodeJS.Timeout } = {};
    const deadline = setTimeout(() => {
      this.#stopping.abort();
      last.timer = setTimeout(() => server.closeAllConnections(), LAST_WORD_MS);
    }, graceMs);
    try {
      await closed;
      await Promise.allSettled(this.#uploads);
    } finally {
      clearInterval(idle);
      clearTimeout(deadline);
      clearTimeout(last.timer);
    }
  }
}
