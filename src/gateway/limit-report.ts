import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { LIMIT_NAMES, type LimitName } from './limits.ts';
import type { SftpRequest } from './sftp/requests.ts';

/** One line a second for each kind is enough to see it; a flood must not become a flood of lines. */
const LINE_INTERVAL_MS = 1_000;

/** Counts and logs that a limit was met or a request refused. */
export class LimitReport {
  readonly #metrics: Metrics;
  readonly #lines = new Map<string, { at: number; suppressed: number }>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    for (const limit of LIMIT_NAMES) metrics.sftpLimits.inc({ limit }, 0);
  }

  met(limit: LimitName, logger: Logger): void {
    this.#metrics.sftpLimits.inc({ limit });
    this.#atTimes(`limit ${limit}`, (suppressed) => logger.warn({ limit, suppressed }, 'SFTP limit met'));
  }

  /** `code` is one of the gateway's own, never a client's text: it becomes a label. */
  refused(code: string, reason: string, logger: Logger): void {
    this.#metrics.sftpRefusals.inc({ code });
    this.#atTimes(`refusal ${code}`, (suppressed) =>
      logger.info({ code, reason, suppressed }, 'SFTP request refused'),
    );
  }

  /** Counts requests of one type that were answered together, and how long those took that may wait for a store. */
  answered(type: SftpRequest['type'], count: number, seconds: number): void {
    this.#metrics.sftpRequests.inc({ type }, count);
    if (type === 'write' || type === 'open' || type === 'close' || type === 'rename')
      this.#metrics.sftpRequestSeconds.observe({ type }, seconds);
  }

  #atTimes(kind: string, log: (suppressed: number | undefined) => void): void {
    const now = performance.now();
    const line = this.#lines.get(kind) ?? { at: Number.NEGATIVE_INFINITY, suppressed: 0 };
    if (now - line.at < LINE_INTERVAL_MS) {
      line.suppressed += 1;
      return;
    }
    log(line.suppressed || undefined);
    this.#lines.set(kind, { at: now, suppressed: 0 });
  }
}
