import type { Pool } from '../database/pool.ts';
import { withSessionLock } from '../database/session-lock.ts';
import type { RawStore } from '../storage/raw-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RetentionLimits } from './limits.ts';
import { carryOutRemovals } from './removals.ts';
import { type RetentionKind, retentionSteps } from './steps.ts';

export interface RetentionOptions {
  readonly control: Pool;
  readonly analytics: Pool;
  readonly store: RawStore;
  readonly limits: RetentionLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** This process's clock, in milliseconds since 1970; default: the machine's. */
  readonly now?: () => number;
}

/** What one run removed, by kind. */
export type Removed = Partial<Record<RetentionKind, number>>;

/** Any number that no other user of the database is likely to lock. */
const LOCK_ID = 7_409_283_653;

/** What a run would remove now. */
export async function countExpired({ control, analytics, limits }: RetentionOptions): Promise<Removed> {
  const counts: Removed = {};
  for (const { kind, days, count } of retentionSteps(control, analytics, limits)) {
    if (days === null) continue;
    const { rows } = await control.query<{ count: number }>(count, [days]);
    counts[kind] = rows[0]?.count ?? 0;
  }
  return counts;
}

/**
 * Removes everything that is over its time, piece by piece, until `signal`. Undefined when another process does so
 * now. The record says that something is gone before it is: then nobody counts on a file that has left, and a run
 * that dies leaves notes that the next one carries out.
 */
export async function runRetention(
  options: RetentionOptions,
  signal?: AbortSignal,
): Promise<Removed | undefined> {
  return withSessionLock(options.control, LOCK_ID, () => removeExpired(options, signal));
}

/** As {@link runRetention}, once after each `hour` (UTC); undefined when that is done. */
export async function runRetentionIfDue(
  options: RetentionOptions,
  hour: number,
  signal: AbortSignal,
): Promise<Removed | undefined> {
  if (!(await isDue(options.control, hour))) return undefined;
  return withSessionLock(options.control, LOCK_ID, async () =>
    (await isDue(options.control, hour)) ? removeExpired(options, signal) : undefined,
  );
}

/** Far more than clocks differ that are looked after. */
const TOLERATED_MS = 60 * 60 * 1_000;

/** A clock that is a year ahead would remove a year too much: two that differ are one too many to be believed. */
async function expectTrueTime({ control, now = Date.now }: RetentionOptions): Promise<void> {
  const { rows } = await control.query<{ now: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
  );
  const ahead = (rows[0]?.now ?? 0) - now();
  if (Math.abs(ahead) <= TOLERATED_MS) return;
  const hours = (Math.abs(ahead) / 3_600_000).toFixed(1);
  throw new Error(
    `The clock of the control database is ${hours} hours ${ahead > 0 ? 'ahead of' : 'behind'} this machine's. Retention removes nothing until both are right.`,
  );
}

const DUE = `
SELECT NOT EXISTS (
  SELECT FROM piing.retention_runs
   WHERE finished_at IS NOT NULL
     AND started_at >= date_trunc('day', now() AT TIME ZONE 'UTC' - make_interval(hours => $1)) AT TIME ZONE 'UTC' + make_interval(hours => $1)
) AS due`;

async function isDue(control: Pool, hour: number): Promise<boolean> {
  return (await control.query<{ due: boolean }>(DUE, [hour])).rows[0]?.due ?? false;
}

async function removeExpired(options: RetentionOptions, signal?: AbortSignal): Promise<Removed> {
  const { control, analytics, store, limits, logger, metrics } = options;
  await expectTrueTime(options);
  const begun = await control.query<{ id: string }>(
    'INSERT INTO piing.retention_runs DEFAULT VALUES RETURNING started_at::text AS id',
  );
  const removed: Removed = {};
  for (const { kind, days, removePiece } of retentionSteps(control, analytics, limits)) {
    if (days === null) continue;
    for (;;) {
      signal?.throwIfAborted();
      const piece = await removePiece(days);
      if (piece === 0) break;
      removed[kind] = (removed[kind] ?? 0) + piece;
      metrics.retentionRemoved.inc({ kind }, piece);
      logger.debug({ kind, piece, soFar: removed[kind] }, 'retention goes on');
      // The objects of this piece now: what was noted and waits stays little, whatever the size of the backlog.
      await carryOutRemovals(control, store);
    }
  }
  await carryOutRemovals(control, store);
  await control.query(
    'UPDATE piing.retention_runs SET finished_at = clock_timestamp(), removed = $2 WHERE started_at = $1::timestamptz',
    [begun.rows[0]?.id, JSON.stringify(removed)],
  );
  await control.query(`DELETE FROM piing.retention_runs WHERE started_at < now() - interval '400 days'`);
  metrics.retentionLastSuccess.setToCurrentTime();
  logger.info({ removed }, 'retention done');
  return removed;
}
