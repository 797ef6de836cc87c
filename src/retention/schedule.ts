import { type RetentionOptions, runRetentionIfDue } from './retention.ts';
import { RETENTION_KINDS } from './steps.ts';

/** A worker that starts after the hour catches up within this time; a store that was away is tried again. */
const LOOK_EVERY_MS = 10 * 60_000;

/** Looks now and then whether the nightly retention is due, until closed, which ends a run after its piece. */
export function startRetention(options: RetentionOptions & { readonly hour: number }): {
  close(): Promise<void>;
} {
  for (const kind of RETENTION_KINDS) options.metrics.retentionRemoved.inc({ kind }, 0);
  const stop = new AbortController();
  let running: Promise<unknown> | undefined;
  const look = () => {
    running ??= runRetentionIfDue(options, options.hour, stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) options.logger.warn({ err: error }, 'retention stopped; it goes on later');
      })
      .finally(() => {
        running = undefined;
      });
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    close: async () => {
      clearInterval(timer);
      stop.abort(new Error('The process stops.'));
      await running;
    },
  };
}
