/**
 * The first bytes of a file on their way to the preflight check: pushed by the upload, pulled by the reader.
 * `push` waits until the reader has taken the bytes, so nothing piles up; after `stop` it is free.
 */
export class Head implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | undefined;
  #ended = false;
  #taken: (() => void) | undefined;
  #arrived: (() => void) | undefined;

  /** True once nobody pulls any more; bytes are then dropped. */
  get stopped(): boolean {
    return this.#ended && this.#chunk === undefined;
  }

  async push(chunk: Uint8Array): Promise<void> {
    if (this.#ended || chunk.length === 0) return;
    this.#chunk = chunk;
    this.#arrived?.();
    await new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
  }

  /** The file is complete: the reader sees its end. */
  end(): void {
    this.#ended = true;
    this.#arrived?.();
  }

  /** The reader has seen enough. */
  stop(): void {
    this.#ended = true;
    this.#chunk = undefined;
    this.#taken?.();
    this.#arrived?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (this.#chunk) {
          const chunk = this.#chunk;
          this.#chunk = undefined;
          yield chunk;
          this.#taken?.();
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#arrived = resolve;
          });
        }
      }
    } finally {
      this.stop();
    }
  }
}
