import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Editors write a file in several steps; what has not changed for this long is complete. */
const SETTLE_MS = 200;
/** Finds what the kernel does not announce: network file systems, mounted ConfigMaps, a directory made anew. */
const POLL_MS = 5_000;

export interface WatchOptions {
  readonly directory: string;
  /** A text that changes whenever a file does. Must not reject. */
  readonly fingerprint: () => Promise<string>;
  /** Never runs twice at a time. Resolves to false when it has to be tried again at the next poll. Must not reject. */
  readonly onChange: () => Promise<boolean>;
  /** Milliseconds; default 5 seconds. */
  readonly pollMs?: number;
}

export interface FileWatcher {
  /** Waits for an `onChange` that is running. */
  close(): Promise<void>;
}

/** Change time and inode see what the modification time does not: permissions, and files put in place of others. */
export async function fingerprintFiles(directory: string, files: readonly string[]): Promise<string> {
  const lines = files.map(async (file) => {
    const { ctimeNs, ino, size } = await stat(join(directory, file), { bigint: true });
    return `${file} ${ino} ${ctimeNs} ${size}`;
  });
  return (await Promise.all(lines)).join('\n');
}

/** Calls `onChange` once at the start, and then after every change of a directory's files. */
export function watchFiles(options: WatchOptions): FileWatcher {
  const watcher = new Watcher(options);
  watcher.check();
  return watcher;
}

class Watcher implements FileWatcher {
  readonly #options: WatchOptions;
  readonly #closing = new AbortController();
  readonly #poll: NodeJS.Timeout;
  #events: FSWatcher | undefined;
  #running: Promise<void> | undefined;
  /** Something may have changed after the running check looked. */
  #again = false;
  /** What `onChange` has seen. */
  #seen: string | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#poll = setInterval(() => this.check(), options.pollMs ?? POLL_MS);
  }

  check(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#poll);
    this.#events?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closing.signal.aborted) {
      this.#again = false;
      this.#listen();
      const current = await this.#settled();
      if (current === undefined || current === this.#seen) continue;
      this.#seen = (await this.#options.onChange()) ? current : undefined;
    }
  }

  /** The fingerprint once it stands still, or undefined when this is closed meanwhile. */
  async #settled(): Promise<string | undefined> {
    let current = await this.#options.fingerprint();
    while (current !== this.#seen) {
      try {
        await sleep(SETTLE_MS, undefined, { signal: this.#closing.signal });
      } catch {
        return undefined;
      }
      const next = await this.#options.fingerprint();
      if (next === current) break;
      current = next;
    }
    return current;
  }

  /** Events only save the wait for the next poll, so a directory that cannot be watched is no error. */
  #listen(): void {
    if (this.#events) return;
    try {
      const events = watch(this.#options.directory, { persistent: false }, () => this.check());
      events.on('error', () => events.close());
      events.on('close', () => {
        this.#events = undefined;
      });
      this.#events = events;
    } catch {
      this.#events = undefined;
    }
  }
}
