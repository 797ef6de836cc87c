import type { Random } from '../../faults/random.ts';
import { blockOf, type Feature } from './coverage.ts';

/** Features among which the rarest is chosen. */
const CANDIDATES = 2;

/**
 * For every feature that was ever reached the shortest input that reaches it, and the first: where the search goes on
 * from. Short inputs are tried fast and have little in them that does not matter; the first have more to combine.
 */
export class Frontier {
  readonly #features: Feature[] = [];
  readonly #shortest = new Map<Feature, Buffer>();
  readonly #first = new Map<Feature, Buffer>();
  readonly #reached = new Map<Feature, number>();
  readonly #blocks = new Set<number>();

  /** Blocks that some input has reached. */
  get blocks(): ReadonlySet<number> {
    return this.#blocks;
  }

  /** The different inputs, the shortest first. */
  get inputs(): Buffer[] {
    return [...new Set(this.#shortest.values())].sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  }

  /** Counts what an input reached; it is kept when that is new, or was reached by longer ones only. Returns the new. */
  add(input: Buffer, features: readonly Feature[]): Feature[] {
    const fresh: Feature[] = [];
    let copy: Buffer | undefined;
    for (const feature of features) {
      this.#reached.set(feature, (this.#reached.get(feature) ?? 0) + 1);
      const before = this.#shortest.get(feature);
      if (before && before.length <= input.length) continue;
      copy ??= Buffer.from(input);
      this.#shortest.set(feature, copy);
      if (before) continue;
      fresh.push(feature);
      this.#first.set(feature, copy);
      this.#features.push(feature);
      this.#blocks.add(blockOf(feature));
    }
    return fresh;
  }

  /** An input that reaches something rare. Undefined while there is none. */
  pick(random: Random): Buffer | undefined {
    if (this.#features.length === 0) return undefined;
    let rarest: Feature = random.pick(this.#features);
    for (let candidate = 1; candidate < CANDIDATES; candidate += 1) {
      const other = random.pick(this.#features);
      if ((this.#reached.get(other) ?? 0) < (this.#reached.get(rarest) ?? 0)) rarest = other;
    }
    return (random.chance(0.5) ? this.#shortest : this.#first).get(rarest);
  }
}
