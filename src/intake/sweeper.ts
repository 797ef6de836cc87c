import { inTransaction, type Pool } from '../database/pool.ts';
import type { RawStore } from '../storage/raw-store.ts';
import type { UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { announceUpload } from '../webhooks/announce.ts';
import { INSTANCE_DEAD_AFTER_SECONDS } from './instance.ts';

const SWEEP_EVERY_MS = 15_000;
const BATCH = 100;

export interface SweeperOptions {
  readonly pool: Pool;
  readonly store: RawStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

// A sign of life from the future was given before the clock was set back: it says nothing of now.
// First the status, so that a process that was only slow can no longer acknowledge the file; then the object.
const ABANDON_ORPHANS = `
WITH orphans AS (
  SELECT u.id FROM piing.uploads u
   WHERE u.status = 'RECEIVING'
     AND NOT EXISTS (SELECT FROM piing.instances i
                      WHERE i.id = u.instance_id AND abs(extract(epoch FROM now() - i.seen_at)) < $1)
   LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
), abandoned AS (
  UPDATE piing.uploads u SET status = 'ABANDONED', completed_at = now(), discard_pending = true
    FROM orphans o WHERE u.id = o.id RETURNING u.id
), reasons AS (
  INSERT INTO piing.upload_errors (upload_id, ordinal, code, message)
  SELECT id, 0, 'INTERRUPTED', 'The gateway that received this file stopped before it was complete. Send it again.'
    FROM abandoned ON CONFLICT DO NOTHING
)
SELECT id FROM abandoned`;

const PENDING_DISCARDS = `SELECT id, object_key FROM piing.uploads WHERE discard_pending LIMIT ${BATCH}`;

/** One pass: what dead processes left becomes ABANDONED, and its bytes leave the store. Returns how many. */
export async function sweepOnce({ pool, store, logger, metrics }: SweeperOptions): Promise<number> {
  await inTransaction(pool, async (client) => {
    const abandoned = await client.query<{ id: UploadId }>(ABANDON_ORPHANS, [INSTANCE_DEAD_AFTER_SECONDS]);
    for (const { id } of abandoned.rows) await announceUpload(client, id);
  });
  const pending = await pool.query<{ id: UploadId; object_key: string }>(PENDING_DISCARDS);
  for (const { id, object_key } of pending.rows) {
    await store.discard(object_key);
    await pool.query('UPDATE piing.uploads SET discard_pending = false WHERE id = $1', [id]);
    logger.warn({ uploadId: id }, 'unfinished upload swept');
    metrics.swept.inc();
  }
  await pool.query(`DELETE FROM piing.instances WHERE seen_at < now() - interval '1 day'`);
  return pending.rows.length;
}

/** Sweeps now and then every 15 s until closed. Several sweepers do not disturb each other. */
export function startSweeper(options: SweeperOptions): { close(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const sweep = () => {
    running = sweepOnce(options).catch((error: unknown) =>
      options.logger.warn({ err: error }, 'sweep failed; trying again later'),
    );
  };
  sweep();
  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  return {
    close: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
