import assert from 'node:assert/strict';
import { mergeConditions } from '../../../src/operator/runtime/conditions.ts';

describe('Conditions', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Applied', message: 'It works.' } as const;
  const monday = new Date('2026-03-02T10:00:00.900Z');
  const tuesday = new Date('2026-03-03T10:00:00Z');

  it('keep their time when only reason or message change, and take a new one when status does', () => {
    const first = mergeConditions(undefined, [ready], 1, monday);
    assert.equal(first[0]?.lastTransitionTime, '2026-03-02T10:00:00Z');
    const second = mergeConditions(first, [{ ...ready, reason: 'Other', message: 'x' }], 2, tuesday);
    assert.equal(second[0]?.lastTransitionTime, '2026-03-02T10:00:00Z');
    assert.equal(second[0]?.observedGeneration, 2);
    const third = mergeConditions(second, [{ ...ready, status: 'False' }], 2, tuesday);
    assert.equal(third[0]?.lastTransitionTime, '2026-03-03T10:00:00Z');
  });

  it('are the same when nothing has changed', () => {
    const first = mergeConditions(undefined, [ready], 1, monday);
    assert.deepEqual(mergeConditions(first, [ready], 1, tuesday), first);
  });

  it('fit into the CRD whatever they say', () => {
    const [condition] = mergeConditions([], [{ ...ready, message: 'x'.repeat(100_000) }], 1, monday);
    assert.ok((condition?.message.length ?? 0) <= 32_768);
  });
});
