import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LimitName } from './limits.ts';

/** One line a second for each limit is enough to see it; a flood must not become a flood of lines. */
const LINE_INTERVAL_MS = 1_000;

/** Counts and logs that a limit was met. */
export class LimitReport {
  readonly #metrics: Metrics;
  readonly #lines = new Map<LimitName, { at: number; suppressed: number }>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  met(limit: LimitName, logger: Logger): void {
    this.#metrics.sftpLimits.inc({ limit });
    const now = Date.now();
    const line = this.#lines.get(limit) ?? { at: 0, suppressed: 0 };
    if (now - line.at < LINE_INTERVAL_MS) {
      line.suppressed += 1;
      return;
    }
    logger.warn({ limit, suppressed: line.suppressed || undefined }, 'SFTP limit met');
    this.#lines.set(limit, { at: now, suppressed: 0 });
  }
}
