import assert from 'node:assert/strict';
import { RETRY_SCHEDULE, retryDelay } from '../../src/webhooks/retry-schedule.ts';

const HOUR = 3_600_000;
const middle = () => 0.5;

describe('The retries of a webhook', () => {
  it('come after 5 s, 15 s, 45 s and so on, and then every 2 hours', () => {
    const seconds = Array.from(
      { length: 9 },
      (_, index) => retryDelay(RETRY_SCHEDULE, index + 1, 0, middle) / 1_000,
    );
    assert.deepEqual(seconds, [5, 15, 45, 135, 405, 1_215, 3_645, 7_200, 7_200]);
    assert.equal(retryDelay(RETRY_SCHEDULE, 1_000_000, 0, middle), 2 * HOUR);
  });

  it('are spread by a fifth to either side', () => {
    assert.equal(
      retryDelay(RETRY_SCHEDULE, 1, 0, () => 0),
      4_000,
    );
    assert.equal(
      retryDelay(RETRY_SCHEDULE, 1, 0, () => 1),
      6_000,
    );
    const delays = new Set(Array.from({ length: 50 }, () => retryDelay(RETRY_SCHEDULE, 3)));
    assert.ok(delays.size > 40);
  });

  it('wait as long as the receiver asks for, up to 2 hours', () => {
    assert.equal(retryDelay(RETRY_SCHEDULE, 1, 60), 60_000);
    assert.equal(retryDelay(RETRY_SCHEDULE, 1, 999_999), 2 * HOUR);
    assert.ok(retryDelay(RETRY_SCHEDULE, 5, 1) > 300_000, 'but no less than planned');
  });

  it('are 18 to 20 attempts in a day', () => {
    let attempts = 1;
    let elapsed = retryDelay(RETRY_SCHEDULE, attempts, 0, middle);
    while (elapsed <= RETRY_SCHEDULE.giveUpAfter) {
      attempts += 1;
      elapsed += retryDelay(RETRY_SCHEDULE, attempts, 0, middle);
    }
    assert.ok(attempts >= 18 && attempts <= 20, String(attempts));
  });
});
