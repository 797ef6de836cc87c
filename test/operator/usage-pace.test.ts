import assert from 'node:assert/strict';
import { UsagePace } from '../../src/operator/usage-pace.ts';
import type { OrganizationStatus } from '../../src/tenancy/resources.ts';
import { TestClock } from './runtime/test-clock.ts';

const KEY = 'default/blue-bistro';

describe('Usage in a status', () => {
  const used = (lastUploadTime: string, more: OrganizationStatus = {}): OrganizationStatus => ({
    ...more,
    lastUploadTime,
  });

  it('is written at most once a minute', () => {
    const clock = new TestClock();
    const pace = new UsagePace(() => clock.monotonic());
    let status: OrganizationStatus = {};
    let writes = 0;
    for (let second = 0; second < 300; second += 1) {
      const next = used(`${second}`);
      if (pace.waitMs(KEY, status, next) === 0) {
        pace.written(KEY, status, next);
        status = next;
        writes += 1;
      }
      clock.jump(1_000);
    }
    assert.equal(writes, 5);
  });

  it('says how long to wait, so that the last use is not forgotten', () => {
    const clock = new TestClock();
    const pace = new UsagePace(() => clock.monotonic());
    pace.written(KEY, {}, used('1'));
    clock.jump(20_000);
    assert.equal(pace.waitMs(KEY, used('1'), used('2')), 40_000);
  });

  it('goes along with any other change at once', () => {
    const pace = new UsagePace(() => 0);
    pace.written(KEY, {}, used('1'));
    assert.equal(pace.waitMs(KEY, used('1'), used('2', { schemaTypes: ['orgShifts'] })), 0);
  });
});
