import type { FastifyReply } from 'fastify';

/** Why there is no place: the organization, or whoever else is counted, has its share, or the process is full. */
export type NoPlace = 'organization' | 'process';

/** Places that requests hold while they last: so many in all, and so many for each organization or other key. */
export class Places {
  readonly #most: number;
  readonly #mostEach: number;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** Returns what gives the place back; calling it again does nothing. */
  take(key: string): (() => void) | NoPlace {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#mostEach) return 'organization';
    if (this.#total >= this.#most) return 'process';
    this.#taken.set(key, taken + 1);
    this.#total += 1;
    let held = true;
    return () => {
      if (held) this.#giveBack(key);
      held = false;
    };
  }

  #giveBack(key: string): void {
    this.#total -= 1;
    const left = (this.#taken.get(key) ?? 1) - 1;
    if (left > 0) this.#taken.set(key, left);
    else this.#taken.delete(key);
  }
}

/** Calls `release` when the connection is done with a request, however it ended; at once when that was before. */
export function whenDone({ raw }: FastifyReply, release: () => void): void {
  if (raw.destroyed || raw.closed) release();
  else raw.once('close', release);
}
