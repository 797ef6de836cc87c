import type { Pool, Queryable } from '../database/pool.ts';
import { MAX_REMOVED_KEYS, type RawStore } from '../storage/raw-store.ts';
import type { UploadId } from '../support/ids.ts';

/** An object of an upload that nothing will refer to. */
export interface Removal {
  readonly uploadId: UploadId;
  readonly key: string;
}

const REQUEST = `
INSERT INTO piing.removals (upload_id, object_key) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING`;

const NEXT = `SELECT object_key FROM piing.removals WHERE object_key > $1 ORDER BY object_key LIMIT ${MAX_REMOVED_KEYS}`;

/** Notes objects in the caller's transaction, which takes away the last reference to them. */
export async function requestRemoval(db: Queryable, removals: readonly Removal[]): Promise<void> {
  if (removals.length === 0) return;
  await db.query(REQUEST, [removals.map(({ uploadId }) => uploadId), removals.map(({ key }) => key)]);
}

/**
 * Removes the objects that were noted, also those of a run that died. The note goes last, so that an object is at
 * worst removed twice. Returns how many there were.
 */
export async function carryOutRemovals(pool: Pool, store: RawStore): Promise<number> {
  let removed = 0;
  for (let after = ''; ; ) {
    const page = await pool.query<{ object_key: string }>(NEXT, [after]);
    const keys = page.rows.map(({ object_key }) => object_key);
    if (keys.length === 0) return removed;
    await store.remove(keys);
    await pool.query('DELETE FROM piing.removals WHERE object_key = ANY($1)', [keys]);
    removed += keys.length;
    after = keys.at(-1) ?? after;
  }
}
