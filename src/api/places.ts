import type { FastifyReply } from 'fastify';

/** Why there is no place: the organization has its share, or the process is full. */
export type NoPlace = 'organization' | 'process';

/** Places that requests hold while they last: so many in all, and so many for each organization. */
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
  take(organizationId: string): (() => void) | NoPlace {
    const taken = this.#taken.get(organizationId) ?? 0;
    if (taken >= this.#mostEach) return 'organization';
    if (this.#total >= this.#most) return 'process';
    this.#taken.set(organizationId, taken + 1);
    this.#total += 1;
    let held = true;
    return () => {
      if (held) this.#giveBack(organizationId);
      held = false;
    };
  }

  #giveBack(organizationId: string): void {
    this.#total -= 1;
    const left = (this.#taken.get(organizationId) ?? 1) - 1;
    if (left > 0) this.#taken.set(organizationId, left);
    else this.#taken.delete(organizationId);
  }
}

/** Calls `release` when the connection is done with a request, however it ended; at once when that was before. */
export function whenDone({ raw }: FastifyReply, release: () => void): void {
  if (raw.destroyed || raw.closed) release();
  else raw.once('close', release);
}
