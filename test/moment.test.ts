import assert from 'node:assert/strict';
import { parseMoment } from '../src/support/moment.ts';

describe('A time on the command line', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const iso = (text: string) => parseMoment(text, now).toISOString();

  it('is a day, a time, or how long ago; UTC without an offset', () => {
    assert.equal(iso('2026-02-20'), '2026-02-20T00:00:00.000Z');
    assert.equal(iso('2026-02-20T08:30'), '2026-02-20T08:30:00.000Z');
    assert.equal(iso('2026-02-20 08:30:15'), '2026-02-20T08:30:15.000Z');
    assert.equal(iso('2026-02-20T00:30:00+02:00'), '2026-02-19T22:30:00.000Z');
    assert.equal(iso('2026-02-20T23:30-05:00'), '2026-02-21T04:30:00.000Z');
    assert.equal(iso('90m'), '2026-03-01T10:30:00.000Z');
    assert.equal(iso('24h'), '2026-02-28T12:00:00.000Z');
    assert.equal(iso('7d'), '2026-02-22T12:00:00.000Z');
  });

  it('that does not exist or is written otherwise is refused with examples', () => {
    for (const text of [
      '2026-02-30',
      '2026-13-01',
      '20.02.2026',
      'yesterday',
      '',
      '7',
      '2026-02-20T25:00',
      '7w',
    ])
      assert.throws(() => parseMoment(text, now), /is not a time\. Write a day such as 2026-02-20/, text);
  });
});
