import { inTransaction, type Pool, type PoolClient } from './pool.ts';

/**
 * As {@link inTransaction}, but an abort ends the statement that is running, a merge of minutes too, and rolls back.
 * An abort that comes when COMMIT is on its way comes too late and is ignored.
 */
export async function inAbortableTransaction<Result>(
  pool: Pool,
  signal: AbortSignal,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    let cancelling: Promise<unknown> = Promise.resolve();
    const cancel = () => {
      cancelling = pool.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => undefined);
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const result = await work(client);
      signal.throwIfAborted();
      return result;
    } finally {
      signal.removeEventListener('abort', cancel);
      // It must not hit the next transaction of this connection.
      await cancelling;
    }
  });
}
