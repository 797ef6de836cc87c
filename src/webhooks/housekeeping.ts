import type { Pool } from '../database/pool.ts';

const BATCH = 1_000;

/** What no sender may take: its endpoint is disabled, has no secret, or its organization is gone. */
const GIVE_UP = `
UPDATE piing.webhook_deliveries SET state = 'GIVEN_UP', body = NULL, claimed = false, ended_at = now()
 WHERE id IN (SELECT id FROM piing.webhook_deliveries
               WHERE state = 'PENDING' AND due_at <= now() - interval '1 minute'
                 AND created_at <= now() - $1 * interval '1 millisecond'
               LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;

const FORGET = `
DELETE FROM piing.webhook_deliveries
 WHERE id IN (SELECT id FROM piing.webhook_deliveries WHERE ended_at < now() - make_interval(days => $1)
               LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;

/** Ends what has waited too long, and forgets what ended long ago. In pieces; several processes do not collide. */
export async function tidyOutbox(
  pool: Pool,
  { giveUpAfterMs, auditDays }: { readonly giveUpAfterMs: number; readonly auditDays: number },
): Promise<{ readonly givenUp: number; readonly forgotten: number }> {
  return {
    givenUp: await inBatches(pool, GIVE_UP, giveUpAfterMs),
    forgotten: await inBatches(pool, FORGET, auditDays),
  };
}

async function inBatches(pool: Pool, sql: string, parameter: number): Promise<number> {
  let total = 0;
  for (;;) {
    const { rowCount } = await pool.query(sql, [parameter]);
    total += rowCount ?? 0;
    if ((rowCount ?? 0) < BATCH) return total;
  }
}
