/** Counts that are told apart, as AFL does: 1, 2, 3, 4–7, 8–15, 16–31, 32–127, and more. */
const BUCKETS = 8;
const BUCKET_OF = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return Math.max(count - 1, 0);
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
});

/** A block and about how often it ran, in one number. */
export type Feature = number;

export const blockOf = (feature: Feature): number => Math.floor(feature / BUCKETS);

/** What one execution of the target reached. */
export class Coverage {
  readonly #hits: Uint32Array;
  readonly #blocks: () => number;

  constructor(hits: Uint32Array, blocks: () => number) {
    this.#hits = hits;
    this.#blocks = blocks;
  }

  /** Forgets what ran before. */
  begin(): void {
    this.#hits.fill(0, 0, this.#blocks());
  }

  /** What has run since {@link begin}. */
  features(): Feature[] {
    const features: Feature[] = [];
    const blocks = this.#blocks();
    for (let block = 0; block < blocks; block += 1) {
      const count = this.#hits[block] as number;
      if (count > 0) features.push(block * BUCKETS + (BUCKET_OF[Math.min(count, 255)] as number));
    }
    return features;
  }
}
