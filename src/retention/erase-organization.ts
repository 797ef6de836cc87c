import pg from 'pg';
import { JOBS_CHANNEL, type JobsNotice } from '../database/job-queue.ts';
import type { Pool, Queryable } from '../database/pool.ts';
import { organizationPrefix, type RawStore } from '../storage/raw-store.ts';
import type { OrganizationId } from '../support/ids.ts';
import { eraseRows, tablesOf, tenantTables } from './tenant-tables.ts';

export interface EraseOptions {
  readonly control: Pool;
  readonly analytics: Pool;
  readonly store: RawStore;
  readonly organizationId: OrganizationId;
  /** Told after each step, so that a run that dies has said how far it came. */
  readonly onStep: (erased: Erased) => void;
  /** How long a worker may take to stop what it runs; default 60 s, which covers one that has just died. */
  readonly patienceMs?: number;
}

/** What one step took away: rows of a table, or objects. */
export interface Erased {
  readonly what: string;
  readonly count: number;
}

/** A worker still runs a job of the organization. */
class StillRunningError extends Error {
  override readonly name = 'StillRunningError';
  readonly code = 'STILL_RUNNING';
}

const PATIENCE_MS = 60_000;

const CLOSE_DOORS = `
WITH credentials AS (
  UPDATE piing.credentials SET revoked_at = COALESCE(revoked_at, now()) WHERE organization_id = $1
)
UPDATE piing.organizations SET deleted_at = COALESCE(deleted_at, now()) WHERE id = $1`;

// The queue makes a job anew for an upload that has not ended.
const END_UPLOADS = `
UPDATE piing.uploads SET status = 'FAILED', completed_at = now()
 WHERE organization_id = $1 AND status IN ('PENDING', 'PROCESSING')`;

const DROP_WAITING = 'DELETE FROM piing.jobs WHERE organization_id = $1 AND claim_id IS NULL';
const CANCEL_RUNNING = `
UPDATE piing.jobs SET cancel_requested_at = COALESCE(cancel_requested_at, now()) WHERE organization_id = $1`;

const FORGET_LOGINS = `
DELETE FROM piing.login_throttle t
 WHERE EXISTS (SELECT FROM (SELECT client_id FROM piing.credentials WHERE organization_id = $1
                             UNION SELECT client_id FROM piing.uploads WHERE organization_id = $1) c
                WHERE t.key ~ ('^([a-z]+:)+' || c.client_id || '@'))`;

/**
 * Removes one organization's data everywhere. Every step finds its work by the organization's id alone, so it can be
 * run again after it died anywhere; the organization's own row goes last and shows until then that there is something
 * left. Doors and jobs come first: nothing is written behind the steps.
 */
export async function eraseOrganization(options: EraseOptions): Promise<Erased[]> {
  const { control, analytics, store, organizationId: id } = options;
  const erased: Erased[] = [];
  const step = async (what: string, run: () => Promise<number>) => {
    const count = await run();
    if (count === 0) return;
    erased.push({ what, count });
    options.onStep({ what, count });
  };
  await control.query(CLOSE_DOORS, [id]);
  await step('jobs', () => stopJobs(control, id, options.patienceMs ?? PATIENCE_MS));
  await step('login throttling', () => changed(control, FORGET_LOGINS, id));
  // An upload that is being received loses its record: its commit fails, and its door removes the object.
  await step('uploads', () => eraseRows(control, 'piing.uploads', id));
  await step('stored files and reports', () => removeObjects(store, id));
  await step('notes of files to remove', () =>
    changed(control, 'DELETE FROM piing.removals WHERE starts_with(object_key, $1)', organizationPrefix(id)),
  );
  for (const table of await tenantTables(analytics)) await step(table, () => eraseRows(analytics, table, id));
  for (const table of await tablesOf(control, 'piing'))
    await step(table.replace(/^piing\./, ''), () => eraseRows(control, table, id));
  await step('organization', () => changed(control, 'DELETE FROM piing.organizations WHERE id = $1', id));
  return erased;
}

/** Whether the organization can still upload, and whether there is anything of it. */
export async function organizationState(
  control: Queryable,
  id: OrganizationId,
): Promise<'active' | 'deleted' | 'remains' | 'unknown'> {
  const found = await control.query<{ deleted: boolean | null; remains: boolean }>(
    `SELECT (SELECT deleted_at IS NOT NULL FROM piing.organizations WHERE id = $1) AS deleted,
            EXISTS (SELECT FROM piing.uploads WHERE organization_id = $1) AS remains`,
    [id],
  );
  const { deleted = null, remains = false } = found.rows[0] ?? {};
  if (deleted === null) return remains ? 'remains' : 'unknown';
  return deleted ? 'deleted' : 'active';
}

async function stopJobs(control: Pool, id: OrganizationId, patienceMs: number): Promise<number> {
  const deadline = performance.now() + patienceMs;
  let dropped = 0;
  const notice: JobsNotice = 'cancel';
  for (;;) {
    await control.query(END_UPLOADS, [id]);
    dropped += await changed(control, DROP_WAITING, id);
    const running = await changed(control, CANCEL_RUNNING, id);
    if (running === 0) return dropped;
    await control.query(`SELECT pg_notify(${pg.escapeLiteral(JOBS_CHANNEL)}, $1)`, [notice]);
    if (performance.now() > deadline)
      throw new StillRunningError(
        `A worker still runs ${running} jobs of ${id}. Its doors are closed and nothing was removed: run this again in a minute.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function removeObjects(store: RawStore, id: OrganizationId): Promise<number> {
  let removed = 0;
  for await (const page of store.removeBelow(organizationPrefix(id))) removed += page;
  return removed;
}

async function changed(db: Queryable, sql: string, parameter: string): Promise<number> {
  return (await db.query(sql, [parameter])).rowCount ?? 0;
}
