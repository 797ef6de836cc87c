import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CopyRows } from '../../src/pipeline/encode/copy-rows.ts';
import { KeySet } from '../../src/pipeline/load/key-set.ts';

/** Rows of nothing but their keys' hashes. */
function rowsOf(hashes: readonly (readonly [number, number])[]): CopyRows {
  const rows = new CopyRows(0);
  for (const [first, second] of hashes) rows.endRow(first, second);
  return rows;
}

describe('The keys of a file', () => {
  it('are never taken for new when they came before', () => {
    const hash = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1));
    fc.assert(
      fc.property(fc.array(fc.tuple(hash, hash), { maxLength: 2_000 }), (hashes) => {
        const rows = rowsOf([...hashes, ...hashes]);
        const keys = new KeySet();
        for (let row = 0; row < hashes.length; row += 1) keys.add(rows, row);
        for (let row = hashes.length; row < rows.count; row += 1) assert.equal(keys.add(rows, row), false);
      }),
    );
  });

  it('are new when their hashes are, as the set grows', () => {
    const rows = rowsOf(
      Array.from({ length: 100_000 }, (_, index) => [Math.imul(index, 0x9e3779b1), index << 1]),
    );
    const keys = new KeySet();
    for (let row = 0; row < rows.count; row += 1) assert.equal(keys.add(rows, row), true);
  });

  it('are never taken for new even where so many share a place that it cannot hold them', () => {
    const hashes = Array.from({ length: 6_000 }, (_, index): [number, number] => [
      (index % 60) << 16,
      index << 1,
    ]);
    const rows = rowsOf([...hashes, ...hashes]);
    const keys = new KeySet();
    for (let row = 0; row < hashes.length; row += 1) keys.add(rows, row);
    for (let row = hashes.length; row < rows.count; row += 1) assert.equal(keys.add(rows, row), false);
  });

  it('that were made to share a place cost no more than calling them repeats', () => {
    const rows = rowsOf(Array.from({ length: 100_000 }, (_, index) => [7, index << 1]));
    const keys = new KeySet();
    const begun = performance.now();
    for (let row = 0; row < rows.count; row += 1) keys.add(rows, row);
    assert.ok(performance.now() - begun < 2_000);
  });
});
