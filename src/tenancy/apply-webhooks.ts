import type { Queryable } from '../database/pool.ts';
import type { OrganizationId } from '../support/ids.ts';
import type { WebhookSpec } from './resources.ts';

/** How long messages are signed with the former secret too, so that receivers can change over. */
const ROTATION_OVERLAP = '24 hours';

/** A receiver that said 410 Gone at one address has said nothing of another. */
const UPSERT = `
INSERT INTO piing.webhook_endpoints AS e (organization_id, name, url, events) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id, name) DO UPDATE
   SET url = EXCLUDED.url, events = EXCLUDED.events,
       disabled_at = CASE WHEN e.url = EXCLUDED.url THEN e.disabled_at END,
       failing_since = CASE WHEN e.url = EXCLUDED.url THEN e.failing_since END
 WHERE (e.url, e.events) IS DISTINCT FROM (EXCLUDED.url, EXCLUDED.events)`;

const REMOVE_UNLISTED = `
DELETE FROM piing.webhook_endpoints WHERE organization_id = $1 AND name <> ALL ($2::text[])`;

const CANCEL_UNLISTED = `
UPDATE piing.webhook_deliveries SET state = 'CANCELLED', body = NULL, claimed = false, ended_at = now()
 WHERE organization_id = $1 AND endpoint <> ALL ($2::text[]) AND state = 'PENDING'`;

/** Also when it is one that was replaced before and still overlaps. */
const USE_SECRET = `
INSERT INTO piing.webhook_secrets AS s (organization_id, endpoint, secret) VALUES ($1, $2, $3)
ON CONFLICT (organization_id, endpoint, secret) DO UPDATE SET valid_until = NULL, created_at = now()
 WHERE s.valid_until IS NOT NULL`;

const RETIRE_OTHERS = `
UPDATE piing.webhook_secrets SET valid_until = now() + interval '${ROTATION_OVERLAP}'
 WHERE organization_id = $1 AND endpoint = $2 AND secret <> $3 AND valid_until IS NULL`;

const FORGET_EXPIRED = `
DELETE FROM piing.webhook_secrets WHERE organization_id = $1 AND endpoint = $2 AND valid_until <= now()`;

/**
 * Brings the webhooks of an organization to what its manifest lists, in the caller's transaction. One without a
 * usable secret keeps those that it had. Resolves to whether anything differed.
 */
export async function applyWebhooks(
  db: Queryable,
  organizationId: OrganizationId,
  specs: readonly WebhookSpec[],
  keys: ReadonlyMap<string, Buffer>,
): Promise<boolean> {
  let changed = await removeUnlisted(db, organizationId, specs);
  for (const { name, url, events } of specs) {
    const upserted = await db.query(UPSERT, [organizationId, name, url, events]);
    const key = keys.get(name);
    const rotated = key !== undefined && (await applySecret(db, organizationId, name, key));
    changed ||= upserted.rowCount !== 0 || rotated;
  }
  return changed;
}

async function removeUnlisted(
  db: Queryable,
  organizationId: OrganizationId,
  specs: readonly WebhookSpec[],
): Promise<boolean> {
  const parameters = [organizationId, specs.map(({ name }) => name)];
  const { rowCount } = await db.query(REMOVE_UNLISTED, parameters);
  if (rowCount !== 0) await db.query(CANCEL_UNLISTED, parameters);
  return rowCount !== 0;
}

async function applySecret(
  db: Queryable,
  organizationId: OrganizationId,
  name: string,
  key: Buffer,
): Promise<boolean> {
  const parameters = [organizationId, name, key];
  const used = await db.query(USE_SECRET, parameters);
  const retired = await db.query(RETIRE_OTHERS, parameters);
  await db.query(FORGET_EXPIRED, [organizationId, name]);
  return used.rowCount !== 0 || retired.rowCount !== 0;
}
