import { exponential } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { ObjectKey } from './kubernetes-object.ts';

export interface QueueObserver {
  depth(length: number): void;
  added(): void;
  retried(): void;
  /** A key was handed out after this many seconds of waiting. */
  waited(seconds: number): void;
  /** A key was done after this many seconds of work. */
  worked(seconds: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly observer?: QueueObserver;
  /** Delay after the first failure of a key, in milliseconds; default 5. */
  readonly minBackoffMs?: number;
  /** Longest delay, in milliseconds; default 1000 s. */
  readonly maxBackoffMs?: number;
}

/**
 * Keys that need work, each at most once, in the order of their first addition. A key that is added while it is
 * worked on comes again afterwards: no two workers have the same key, and no change is missed.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #observer: QueueObserver | undefined;
  readonly #minBackoffMs: number;
  readonly #maxBackoffMs: number;
  /** Ready to be handed out, with the time since when. */
  readonly #ready = new Map<ObjectKey, number>();
  readonly #working = new Map<ObjectKey, number>();
  /** Added while being worked on. */
  readonly #again = new Set<ObjectKey>();
  readonly #later = new Map<ObjectKey, { readonly due: number; readonly cancel: () => void }>();
  readonly #failures = new Map<ObjectKey, number>();
  readonly #waiting: ((key: ObjectKey | undefined) => void)[] = [];
  #closed = false;

  constructor({ clock, observer, minBackoffMs = 5, maxBackoffMs = 1_000_000 }: WorkQueueOptions) {
    this.#clock = clock;
    this.#observer = observer;
    this.#minBackoffMs = minBackoffMs;
    this.#maxBackoffMs = maxBackoffMs;
  }

  get length(): number {
    return this.#ready.size;
  }

  add(key: ObjectKey): void {
    if (this.#closed || this.#ready.has(key) || this.#again.has(key)) return;
    this.#observer?.added();
    if (this.#working.has(key)) this.#again.add(key);
    else this.#makeReady(key);
  }

  /** Adds the key after `ms`, or earlier when it was to come earlier. */
  addAfter(key: ObjectKey, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) return this.add(key);
    const due = this.#clock.monotonic() + ms;
    const planned = this.#later.get(key);
    if (planned && planned.due <= due) return;
    planned?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#later.delete(key);
      this.add(key);
    });
    this.#later.set(key, { due, cancel });
  }

  /** Adds the key after a failure, later each time; returns the delay in milliseconds. */
  retry(key: ObjectKey): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.min(exponential(this.#minBackoffMs, failures), this.#maxBackoffMs);
    this.#observer?.retried();
    this.addAfter(key, delay);
    return delay;
  }

  /** The key has succeeded, or is given up: its next failure counts as the first. */
  forget(key: ObjectKey): void {
    this.#failures.delete(key);
  }

  /** What was planned for later is not needed any more. */
  cancelLater(key: ObjectKey): void {
    this.#later.get(key)?.cancel();
    this.#later.delete(key);
  }

  /** The next key, which has to be given back by `done`; undefined when the queue has been closed. */
  next(): Promise<ObjectKey | undefined> {
    const [first] = this.#ready.keys();
    if (this.#closed || first !== undefined) return Promise.resolve(this.#handOut(first));
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  done(key: ObjectKey): void {
    const since = this.#working.get(key);
    this.#working.delete(key);
    if (since !== undefined) this.#observer?.worked((this.#clock.monotonic() - since) / 1_000);
    if (this.#again.delete(key) && !this.#closed) this.#makeReady(key);
  }

  /** Hands out nothing more. What is being worked on may finish. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#later.values()) cancel();
    this.#later.clear();
    this.#ready.clear();
    this.#again.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #makeReady(key: ObjectKey): void {
    this.#ready.set(key, this.#clock.monotonic());
    this.#observer?.depth(this.#ready.size);
    const worker = this.#waiting.shift();
    if (worker) worker(this.#handOut(key));
  }

  #handOut(key: ObjectKey | undefined): ObjectKey | undefined {
    if (this.#closed || key === undefined) return undefined;
    const now = this.#clock.monotonic();
    this.#observer?.waited((now - (this.#ready.get(key) ?? now)) / 1_000);
    this.#ready.delete(key);
    this.#observer?.depth(this.#ready.size);
    this.#working.set(key, now);
    return key;
  }
}
