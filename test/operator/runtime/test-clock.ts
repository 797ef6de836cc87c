import type { Clock } from '../../../src/operator/runtime/clock.ts';

/** Time that passes only when a test says so. */
export class TestClock implements Clock {
  #time = 0;
  readonly #timers = new Set<{ readonly due: number; readonly run: () => void }>();

  monotonic(): number {
    return this.#time;
  }

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#time);
  }

  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#time + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time passes and nothing runs, as in a process that is stopped. */
  jump(ms: number): void {
    this.#time += ms;
  }

  /** When the next timer is due, in milliseconds from now. */
  get nextMs(): number | undefined {
    const dues = [...this.#timers].map(({ due }) => due - this.#time);
    return dues.length > 0 ? Math.min(...dues) : undefined;
  }

  /** Runs what is due within `ms`, one after the other, and lets promises settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#time + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (!next) break;
      this.#time = Math.max(this.#time, next.due);
      this.#timers.delete(next);
      next.run();
    }
    this.#time = end;
    await settle();
  }
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
