import type { Pool } from './pool.ts';

/**
 * Runs `work` while no other process runs it; undefined when one does. The lock is a session's: should this process
 * die, or lose its connection, the server lets go of it.
 */
export async function withSessionLock<Result>(
  pool: Pool,
  id: number,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const client = await pool.connect();
  let lost: Error | undefined;
  const onError = (error: Error) => {
    lost = error;
  };
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
      id,
    ]);
    if (!rows[0]?.locked) return undefined;
    return await work();
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [id]).catch(onError);
    client.removeListener('error', onError);
    client.release(lost ?? false);
  }
}
