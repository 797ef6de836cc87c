const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** When to try again. All in milliseconds. */
export interface RetrySchedule {
  readonly first: number;
  readonly factor: number;
  readonly longest: number;
  /** From the event on. */
  readonly giveUpAfter: number;
}

/** About 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, then every 2 h: 18 attempts in a day. */
export const RETRY_SCHEDULE: RetrySchedule = {
  first: 5 * SECOND,
  factor: 3,
  longest: 2 * HOUR,
  giveUpAfter: 24 * HOUR,
};

/** Part of a delay that chance decides, so that what failed together does not come back together. */
const JITTER = 0.4;

/** How long to wait after an attempt, which is number `attempt` from 1 on. Never less than the receiver asked for. */
export function retryDelay(
  { first, factor, longest }: RetrySchedule,
  attempt: number,
  retryAfterSeconds = 0,
  random: () => number = Math.random,
): number {
  const full = Math.min(longest, first * factor ** Math.min(attempt - 1, 50));
  const delay = Math.round(full * (1 - JITTER / 2 + JITTER * random()));
  return Math.max(delay, Math.min(longest, retryAfterSeconds * SECOND));
}
