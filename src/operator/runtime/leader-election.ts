import { isConflict, isNotFound } from './api-error.ts';
import { type Clock, sleep } from './clock.ts';
import type { KubernetesObject } from './kubernetes-object.ts';
import type { Logger } from './logger.ts';

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease extends KubernetesObject {
  readonly spec?: LeaseSpec;
}

/** The one Lease that is fought for. */
export interface LeaseStore {
  get(): Promise<Lease>;
  create(spec: LeaseSpec): Promise<Lease>;
  /** Refused with 409 when somebody else has written meanwhile. */
  replace(lease: Lease, spec: LeaseSpec): Promise<Lease>;
}

export interface LeaderElectionOptions {
  readonly store: LeaseStore;
  /** Different for every process. */
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a leader that says nothing is still the leader, in milliseconds; default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader tries to say something before it gives up; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Pause between two tries; default 2 s. */
  readonly retryPeriodMs?: number;
}

/**
 * client-go's leader election. A leader that cannot renew stops working 5 s before another may begin, by clocks that
 * only have to run equally fast: nobody compares times of day.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** The Lease as last seen, and when it was seen to change. */
  #observed: { readonly version: string; readonly at: number } | undefined;
  #lease: Lease | undefined;
  /** When the renewal that is in force was begun. */
  #renewedAt: number | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
  }

  /** True while this process may write. Also right after the process itself has been stopped for a while. */
  get isLeader(): boolean {
    const { clock } = this.#options;
    return this.#renewedAt !== undefined && clock.monotonic() - this.#renewedAt < this.#renewDeadlineMs;
  }

  /** The UID of the Lease, by which one set of candidates differs from any other; undefined before it has led. */
  get leaseUid(): string | undefined {
    return this.#lease?.metadata.uid;
  }

  /** Resolves to true when this process has become the leader, and to false when the signal aborts before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, logger, identity } = this.#options;
    while (!signal.aborted) {
      if (await this.#try()) {
        logger.info({ identity }, 'leading');
        return true;
      }
      await sleep(clock, this.#retryPeriodMs * (1 + Math.random() * 0.2), signal);
    }
    return false;
  }

  /** Renews until the signal aborts (resolves to `stopped`) or the lead is lost (`lost`). */
  async hold(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { clock } = this.#options;
    for (;;) {
      await sleep(clock, this.#retryPeriodMs, signal);
      if (signal.aborted) return 'stopped';
      if (!this.isLeader) return 'lost';
      await this.#try();
      if (this.#renewedAt === undefined) return 'lost';
    }
  }

  /** Lets another process lead at once. Call it when the last write is done. */
  async release(): Promise<void> {
    const { store, logger } = this.#options;
    if (!this.isLeader || !this.#lease) return;
    const lease = this.#lease;
    this.#renewedAt = undefined;
    await store
      .replace(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 })
      .catch((error: Error) => logger.warn({ reason: error.message }, 'the Lease could not be released'));
  }

  /** One attempt to get or renew the Lease. Never rejects. */
  async #try(): Promise<boolean> {
    const { clock, logger } = this.#options;
    // The lead counts from before the request: when the answer is late, so is the knowledge of others.
    const began = clock.monotonic();
    try {
      const written = await this.#write(began);
      if (!written) {
        this.#renewedAt = undefined;
        return false;
      }
      this.#lease = written;
      this.#observe(written, began);
      this.#renewedAt = began;
      return true;
    } catch (error) {
      const level = isConflict(error) ? 'debug' : 'warn';
      logger[level]({ reason: (error as Error).message }, 'the Lease could not be written');
      return false;
    }
  }

  /** Undefined: somebody else has it. */
  async #write(now: number): Promise<Lease | undefined> {
    const { store, identity, clock } = this.#options;
    const lease = await store.get().catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const time = clock.now().toISOString().replace('Z', '000Z');
    const mine = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1_000),
      renewTime: time,
    };
    if (!lease) return store.create({ ...mine, acquireTime: time, leaseTransitions: 0 });
    this.#observe(lease, now);
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = lease.spec ?? {};
    if (holderIdentity === identity)
      return store.replace(lease, { ...mine, acquireTime: acquireTime ?? time, leaseTransitions });
    if (holderIdentity && !this.#isStale(lease, now)) return undefined;
    return store.replace(lease, { ...mine, acquireTime: time, leaseTransitions: leaseTransitions + 1 });
  }

  #observe(lease: Lease, now: number): void {
    const version = lease.metadata.resourceVersion;
    if (this.#observed?.version !== version) this.#observed = { version, at: now };
  }

  #isStale(lease: Lease, now: number): boolean {
    const duration = Math.max((lease.spec?.leaseDurationSeconds ?? 0) * 1_000, 1_000);
    return this.#observed !== undefined && now - this.#observed.at >= duration;
  }
}
