import type { UploadStatus } from '../intake/uploads.ts';
import type { UploadId } from '../support/ids.ts';

/** How often the watched uploads are looked at, in milliseconds. */
const LOOK_EVERY_MS = 100;
/** A database that answers slowly is asked less: the pauses are so many times as long as its answers. */
const RESTS_PER_ANSWER = 10;

interface Watcher {
  readonly id: UploadId;
  readonly known: UploadStatus;
  readonly tell: () => void;
}

export type ReadStatuses = (ids: readonly UploadId[]) => Promise<ReadonlyMap<UploadId, UploadStatus>>;

/**
 * Tells requests when the status of an upload changes. All that wait in this process share one query by primary key,
 * and none is made while nobody waits (docs/decisions/0017).
 */
export class UploadWatch {
  readonly #read: ReadStatuses;
  readonly #watchers = new Set<Watcher>();
  #timer: NodeJS.Timeout | undefined;

  constructor(read: ReadStatuses) {
    this.#read = read;
  }

  /** Resolves when the status is another one, or the upload is gone; at the latest when the signal aborts. */
  changed(id: UploadId, known: UploadStatus, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const tell = () => {
        this.#watchers.delete(watcher);
        signal.removeEventListener('abort', tell);
        resolve();
      };
      const watcher: Watcher = { id, known, tell };
      this.#watchers.add(watcher);
      signal.addEventListener('abort', tell);
      this.#lookAfter(LOOK_EVERY_MS);
    });
  }

  #lookAfter(ms: number): void {
    this.#timer ??= setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    const started = performance.now();
    // Without an answer everybody goes on waiting: who reads the upload next says why.
    const statuses = await this.#readWatched().catch(() => undefined);
    for (const { id, known, tell } of [...this.#watchers]) {
      if (statuses?.asked.has(id) && statuses.found.get(id) !== known) tell();
    }
    this.#timer = undefined;
    const took = performance.now() - started;
    if (this.#watchers.size > 0) this.#lookAfter(Math.max(LOOK_EVERY_MS, took * RESTS_PER_ANSWER));
  }

  async #readWatched() {
    const asked = new Set([...this.#watchers].map(({ id }) => id));
    return asked.size === 0 ? undefined : { asked, found: await this.#read([...asked]) };
  }
}
