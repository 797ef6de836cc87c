import { PART_BYTES } from './raw-store.ts';

const MIB = 1024 * 1024;
export const DEFAULT_PART_MEMORY_BYTES = 256 * MIB;
/** One part being filled, one on its way and one to spare. */
export const LEAST_PART_MEMORY_BYTES = 3 * PART_BYTES;

/** What a shortage made an upload do. */
export type Shortage = 'waited' | 'taken_away';

export interface PartMemoryOptions {
  readonly limitBytes: number;
  /** How long nobody may have got memory, and no part been on its way, before somebody loses some; in milliseconds. */
  readonly patienceMs?: number;
  /** For how long at least the loser's client has been waited for within one part, in milliseconds. */
  readonly idleMs?: number;
  readonly onShortage?: (shortage: Shortage) => void;
}

/** Whoever holds its memory was slower than everybody else while others waited for memory. */
export class MemoryTakenError extends Error {
  override readonly name = 'MemoryTakenError';
  readonly code = 'MEMORY_TAKEN';
}

interface Waiting {
  readonly share: PartShare;
  readonly bytes: number;
  readonly resolve: () => void;
}

const PATIENCE_MS = 30_000;
const IDLE_MS = 60_000;
/** How often the patience of those who wait is looked at. */
const LOOK_EVERY_MS = 1_000;

/**
 * The memory of all parts that a process fills and sends, within one limit. A part grows as bytes arrive while there
 * is plenty; when there is not, its upload waits in a queue for what a whole part needs. Nobody waits for ever:
 * - Growing leaves one part to spare, and the queue gives it out, so that always somebody holds all that a part needs:
 *   filling and sending it takes no more, and gives it back.
 * - Clients that stall hold back nobody for longer than the patience: then the memory of the part goes whose client
 *   has been waited for longest, and its upload is refused.
 */
export class PartMemory {
  readonly limitBytes: number;
  readonly #patienceMs: number;
  readonly #idleMs: number;
  readonly #onShortage: (shortage: Shortage) => void;
  #held = 0;
  /** Parts of which the store will give the memory back. */
  #onTheirWay = 0;
  readonly #shares = new Set<PartShare>();
  readonly #queue: Waiting[] = [];
  #lastServed = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: PartMemoryOptions) {
    this.limitBytes = options.limitBytes;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    this.#onShortage = options.onShortage ?? (() => undefined);
  }

  /** Bytes that all uploads hold now. */
  get heldBytes(): number {
    return this.#held;
  }

  /** One upload's part of it; `onTaken` when it has lost what it held. */
  share(onTaken: () => void): PartShare {
    return new PartShare(this, onTaken);
  }

  /** For shares: takes more at once, or nothing. */
  tryTake(share: PartShare, bytes: number): boolean {
    if (this.#queue.length > 0 || this.#held + bytes > this.limitBytes - PART_BYTES) return false;
    this.#take(share, bytes);
    return true;
  }

  /** For shares: takes more when it is their turn. */
  take(share: PartShare, bytes: number): Promise<void> {
    if (this.#queue.length === 0 && this.#fits(bytes)) {
      this.#take(share, bytes);
      return Promise.resolve();
    }
    this.#onShortage('waited');
    if (this.#queue.length === 0) this.#beginLooking();
    return new Promise((resolve) => this.#queue.push({ share, bytes, resolve }));
  }

  /** For shares. */
  giveBack(bytes: number): void {
    this.#held -= bytes;
    for (let first = this.#queue[0]; first && this.#fits(first.bytes); first = this.#queue[0]) {
      this.#queue.shift();
      this.#take(first.share, first.bytes);
      this.#lastServed = performance.now();
      first.resolve();
    }
    if (this.#queue.length === 0) clearInterval(this.#looking);
  }

  /** For shares: nothing can be taken from them any more. */
  forget(share: PartShare): void {
    this.#shares.delete(share);
  }

  /** For shares: what they held goes to the store. Returns what gives it back. */
  sent(bytes: number): () => void {
    this.#onTheirWay += 1;
    return () => {
      this.#onTheirWay -= 1;
      this.giveBack(bytes);
    };
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.limitBytes;
  }

  #take(share: PartShare, bytes: number): void {
    this.#held += bytes;
    this.#shares.add(share);
  }

  #beginLooking(): void {
    this.#lastServed = performance.now();
    const every = Math.min(LOOK_EVERY_MS, this.#patienceMs / 4);
    this.#looking = setInterval(() => this.#look(), every).unref();
  }

  #look(): void {
    const now = performance.now();
    if (this.#onTheirWay > 0) this.#lastServed = now;
    if (now - this.#lastServed < this.#patienceMs) return;
    let slowest: PartShare | undefined;
    for (const share of this.#shares)
      if (share.waitedForClient(now) > (slowest?.waitedForClient(now) ?? this.#idleMs)) slowest = share;
    if (!slowest) return;
    this.#onShortage('taken_away');
    slowest.takeAway();
  }
}

/** What one upload holds: the part that it fills. Parts on their way are counted too, but cannot be taken away. */
export class PartShare {
  readonly #memory: PartMemory;
  readonly #onTaken: () => void;
  #held = 0;
  /** When the client was last waited for; undefined while there is something to do for it. */
  #idleSince: number | undefined;
  /** The waits for the client within this part, in milliseconds. */
  #idleMs = 0;

  constructor(memory: PartMemory, onTaken: () => void) {
    this.#memory = memory;
    this.#onTaken = onTaken;
  }

  /** More has arrived from the client: until {@link idle} nothing is taken away. */
  busy(): void {
    this.#idleMs = this.#held > 0 ? this.waitedForClient(performance.now()) : 0;
    this.#idleSince = undefined;
  }

  /** From now on the client is waited for. */
  idle(): void {
    this.#idleSince = performance.now();
  }

  /** Holds that many bytes from now on, if there is plenty. */
  tryGrowTo(bytes: number): boolean {
    if (!this.#memory.tryTake(this, bytes - this.#held)) return false;
    this.#held = bytes;
    return true;
  }

  /** Holds that many bytes when it resolves. Only while busy. */
  async growTo(bytes: number): Promise<void> {
    await this.#memory.take(this, bytes - this.#held);
    this.#held = bytes;
  }

  /** The part is on its way, and the next one begins with nothing. Returns what gives its memory back. */
  send(): () => void {
    const sent = this.#held;
    this.#begin();
    return this.#memory.sent(sent);
  }

  /** Gives back what the part being filled holds. */
  release(): void {
    const held = this.#held;
    this.#begin();
    this.#memory.giveBack(held);
  }

  /** For the memory: how long the client has been waited for; 0 when nothing may be taken away. */
  waitedForClient(now: number): number {
    if (this.#idleSince === undefined) return 0;
    return this.#idleMs + now - this.#idleSince;
  }

  /** For the memory. */
  takeAway(): void {
    this.#onTaken();
    this.release();
  }

  #begin(): void {
    this.#memory.forget(this);
    this.#held = 0;
    this.#idleMs = 0;
  }
}
