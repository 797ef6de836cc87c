import { hostname } from 'node:os';
import type { Pool } from '../database/pool.ts';
import { type InstanceId, newInstanceId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';

const HEARTBEAT_MS = 5_000;
/** An instance that was silent for this long is dead, and what it was receiving is swept. */
export const INSTANCE_DEAD_AFTER_SECONDS = 45;

/** This process's sign of life in the control database. */
export interface Instance {
  readonly id: InstanceId;
  /** Ends the heartbeat; uploads that are still open then belong to the sweeper at once. */
  close(): Promise<void>;
}

const BEAT = `
INSERT INTO piing.instances (id, role, host) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET seen_at = now()`;

export async function registerInstance(pool: Pool, role: string, logger: Logger): Promise<Instance> {
  const id = newInstanceId();
  const beat = () => pool.query(BEAT, [id, role, hostname()]);
  await beat();
  const timer = setInterval(() => {
    beat().catch((error: unknown) => logger.warn({ err: error }, 'heartbeat failed'));
  }, HEARTBEAT_MS);
  return {
    id,
    close: async () => {
      clearInterval(timer);
      await pool.query('DELETE FROM piing.instances WHERE id = $1', [id]).catch(() => undefined);
    },
  };
}
