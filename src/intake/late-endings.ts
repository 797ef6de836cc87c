/** How often the database is asked again while it is away, in milliseconds. */
const RETRY_MS = 2_000;
/** Beyond it the oldest are left to the sweeper, which takes them over when this process ends. */
const MAX_WAITING = 10_000;

/**
 * Endings that the database did not take because it was away. The sweeper only ends what dead processes left, so a
 * living one has to keep trying: until then the upload would be shown as being received.
 */
export class LateEndings<Key> {
  readonly #waiting = new Map<Key, () => Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** Runs `record` now and then until it resolves. */
  add(key: Key, record: () => Promise<void>): void {
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#waiting.set(key, record);
    this.#timer ??= setTimeout(() => void this.#retry(), RETRY_MS).unref();
  }

  async #retry(): Promise<void> {
    for (const [key, record] of this.#waiting) {
      try {
        await record();
        this.#waiting.delete(key);
      } catch {
        // Still away: no need to ask for the others.
        break;
      }
    }
    this.#timer = undefined;
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => void this.#retry(), RETRY_MS).unref();
  }
}
