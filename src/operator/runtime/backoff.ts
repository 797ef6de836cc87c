/** Delays that double from `minMs` up to `maxMs`, each lengthened by up to `jitter` times itself. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Spreads those who failed at the same moment; default 1. */
  readonly jitter?: number;
  readonly random?: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  next(): number {
    const { minMs, maxMs, jitter = 1, random = Math.random } = this.#options;
    const delay = Math.min(exponential(minMs, this.#failures), maxMs);
    this.#failures += 1;
    return Math.min(delay * (1 + jitter * random()), maxMs);
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Bounded, so that the power of two does not overflow after a thousand failures. */
export function exponential(minMs: number, failures: number): number {
  return minMs * 2 ** Math.min(failures, 40);
}
