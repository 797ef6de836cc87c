import assert from 'node:assert/strict';
import { corpusOf, reachedOf } from './corpus.ts';
import type { Target } from './guided/target.ts';
import { TARGETS } from './targets/index.ts';

/** The whole corpus is in the repository. */
const MAX_CORPUS_BYTES = 200_000;

for (const [name, { open }] of Object.entries(TARGETS)) {
  describe(`The fuzzed target ${name}`, function () {
    this.timeout(120_000);
    let target: Target;

    before(async () => {
      target = await open();
    });
    after(() => target.close?.());

    for (const { name: file, bytes } of corpusOf(name))
      it(`takes what it was once wrong about, or has to bear: ${file}`, () => target.check(bytes));

    it('takes its seeds, and everything that a guided search has kept', async () => {
      const inputs = [
        ...target.seeds.map((seed, index) => ({ name: `seed ${index}`, bytes: Buffer.from(seed as string) })),
        ...reachedOf(name),
      ];
      for (const { name: place, bytes } of inputs) {
        const failed = await Promise.resolve(target.check(bytes)).catch((error: Error) => error);
        assert.equal(failed, undefined, `${place}: ${failed?.stack}`);
      }
      await target.settle?.();
    });
  });
}

describe('The corpus of the guided searches', () => {
  it('is small', () => {
    const bytes = Object.keys(TARGETS).flatMap((name) => reachedOf(name).map((input) => input.bytes.length));
    assert.ok(bytes.reduce((sum, length) => sum + length, 0) < MAX_CORPUS_BYTES);
  });
});
