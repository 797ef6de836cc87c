import type { WatchEvent } from './api-client.ts';
import { ApiError, isGone } from './api-error.ts';
import { Backoff } from './backoff.ts';
import type { ObjectCache } from './cache.ts';
import { type Clock, sleep } from './clock.ts';
import { type KubernetesObject, keyOf, withoutManagedFields } from './kubernetes-object.ts';
import type { Logger } from './logger.ts';
import type { ListWatch } from './resource-client.ts';

const PAGE_SIZE = 500;
/** client-go's numbers. */
const BACKOFF = { minMs: 800, maxMs: 30_000 };
const MIN_WATCH_SECONDS = 300;
/** A watch that ends sooner and brought nothing counts as a failure, so that it is not asked for in a hot loop. */
const SHORT_WATCH_MS = 500;

export interface ReflectorOptions<T extends KubernetesObject> {
  /** For logs: the plural of the resource. */
  readonly name: string;
  readonly source: ListWatch<T>;
  readonly cache: ObjectCache<T>;
  /** Undefined: all. */
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  /** Takes out what nobody reads, to save memory. Managed fields are taken out anyway. */
  readonly trim?: ((object: T) => T) | undefined;
}

/** A reflector of whatever type. */
export interface ReadsContinuously {
  /** Resolves when the cache first holds a complete list. */
  readonly synced: Promise<void>;
  /** Why the cache is not current, and for how many milliseconds; undefined when it is. */
  readonly problem: { readonly message: string; readonly forMs: number } | undefined;
  /** Runs until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** Keeps a cache at what the API server has: lists in pages, then watches, and lists again when it lost its place. */
export class Reflector<T extends KubernetesObject> implements ReadsContinuously {
  readonly #options: ReflectorOptions<T>;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #synced = Promise.withResolvers<void>();
  /** Where to go on watching; undefined: list first. */
  #resourceVersion: string | undefined;
  #problem: { readonly message: string; readonly since: number } | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ ...BACKOFF, random: this.#random });
  }

  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get problem(): { readonly message: string; readonly forMs: number } | undefined {
    if (!this.#problem) return undefined;
    return { message: this.#problem.message, forMs: this.#options.clock.monotonic() - this.#problem.since };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list();
        await this.#watch(this.#resourceVersion, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error as Error, signal);
      }
    }
  }

  async #list(): Promise<string> {
    const { source, cache, namespace, name, logger } = this.#options;
    const items: T[] = [];
    let page = await source.list({ limit: PAGE_SIZE });
    for (;;) {
      for (const item of page.items) items.push(this.#trim(item));
      if (page.next === undefined) break;
      page = await source.list({ limit: PAGE_SIZE, next: page.next });
    }
    cache.replace(items, namespace);
    logger.debug({ resource: name, namespace, count: items.length }, 'listed');
    this.#healthy();
    this.#synced.resolve();
    return page.resourceVersion;
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options;
    const timeoutSeconds = Math.round(MIN_WATCH_SECONDS * (1 + this.#random()));
    const started = clock.monotonic();
    let heard = false;
    const lasted = () => clock.monotonic() - started >= SHORT_WATCH_MS;
    try {
      const take = (event: WatchEvent) => {
        this.#take(event);
        heard = true;
        this.#healthy();
      };
      await source.watch({ resourceVersion, timeoutSeconds }, take, signal);
    } finally {
      if (heard || lasted()) this.#healthy();
    }
    if (!heard && !lasted()) throw new Error('the watch ended at once');
  }

  #take({ type, object }: WatchEvent): void {
    const { cache } = this.#options;
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        cache.upsert(this.#trim(object as T));
        break;
      case 'DELETED':
        cache.remove(keyOf(object as T));
        break;
      case 'BOOKMARK':
        break;
      default: {
        const status = object as { code?: number; reason?: string; message?: string };
        throw new ApiError(status.code ?? 500, status.reason ?? '', status.message ?? `watch event ${type}`);
      }
    }
    this.#resourceVersion = (object as T).metadata.resourceVersion;
  }

  #trim(object: T): T {
    const { trim = (same: T) => same } = this.#options;
    return trim(withoutManagedFields(object));
  }

  #healthy(): void {
    this.#backoff.reset();
    this.#problem = undefined;
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    const { name, namespace, clock, logger } = this.#options;
    const listAgain = isGone(error);
    if (listAgain) {
      this.#resourceVersion = undefined;
      // It has answered: what failed before says nothing about the next request.
      this.#backoff.reset();
    }
    this.#problem = { message: error.message, since: this.#problem?.since ?? clock.monotonic() };
    const wait = this.#backoff.next();
    const delayMs = Math.round(error instanceof ApiError ? Math.max(wait, error.retryAfterMs ?? 0) : wait);
    logger.warn(
      { resource: name, namespace, reason: describe(error), delayMs, listAgain },
      'watch interrupted',
    );
    await sleep(clock, delayMs, signal);
  }
}

/** undici says only "fetch failed", and why in the cause. */
function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
