import { inTransaction, type Pool, type PoolClient } from '../database/pool.ts';
import type { OrganizationId } from '../support/ids.ts';
import type { Applied, Conflict, DeliverCredential, OrganizationContext } from './apply.ts';
import { applyCredentials } from './apply-credentials.ts';
import { applyWebhooks } from './apply-webhooks.ts';
import type { OrganizationManifest } from './resources.ts';
import { resolveWebhookSecrets } from './webhook-secrets.ts';
import { expectCurrent, revisionParameters, type WriteContext } from './write-context.ts';

interface OwnerRow {
  readonly namespace: string;
  readonly deleted: boolean;
  readonly resource_uid: string | null;
  readonly resource_generation: number;
}

/** The row is locked even when nothing differs: two appliers of one organization take turns from here on. */
const UPSERT = `
INSERT INTO piing.organizations AS o
       (id, namespace, display_name, suspended, allowed_source_ranges, max_file_bytes, resource_uid, resource_generation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE
   SET display_name = EXCLUDED.display_name,
       suspended = EXCLUDED.suspended,
       allowed_source_ranges = EXCLUDED.allowed_source_ranges,
       max_file_bytes = EXCLUDED.max_file_bytes,
       deleted_at = NULL,
       resource_uid = EXCLUDED.resource_uid,
       resource_generation = EXCLUDED.resource_generation
 WHERE o.namespace = EXCLUDED.namespace
   AND ($9 OR (o.resource_uid = EXCLUDED.resource_uid
               AND o.resource_generation > EXCLUDED.resource_generation) IS NOT TRUE)
   AND (o.display_name, o.suspended, o.allowed_source_ranges, o.max_file_bytes, o.deleted_at,
        o.resource_uid, o.resource_generation)
       IS DISTINCT FROM
       (EXCLUDED.display_name, EXCLUDED.suspended, EXCLUDED.allowed_source_ranges, EXCLUDED.max_file_bytes,
        NULL::timestamptz, EXCLUDED.resource_uid, EXCLUDED.resource_generation)`;

const FIND_OWNER = `
SELECT namespace, deleted_at IS NOT NULL AS deleted, resource_uid, resource_generation
  FROM piing.organizations WHERE id = $1`;

/** Not one that was made anew under the name and has been applied since. */
const MARK_DELETED = `
UPDATE piing.organizations SET deleted_at = now(), resource_generation = GREATEST(resource_generation, $4)
 WHERE namespace = $1 AND id = $2 AND deleted_at IS NULL
   AND (resource_uid IS NULL OR $3::text IS NULL OR resource_uid = $3)`;

/** Enablements are in the namespace of their organization, so those of a namesake elsewhere are out of reach. */
const REMOVE_ENABLEMENTS = `
DELETE FROM piing.schema_enablements WHERE namespace = $1 AND organization_id = $2
   AND NOT EXISTS (SELECT FROM piing.organizations WHERE namespace = $1 AND id = $2 AND deleted_at IS NULL)`;

/**
 * Brings an organization, its credentials and its webhooks to what the manifest says, in one transaction. The first namespace
 * that uses a name owns it, also after the organization has been deleted: its data is still there.
 * @throws {OutdatedError} when a later generation of the same resource has been applied
 */
export async function applyOrganization(
  pool: Pool,
  manifest: OrganizationManifest,
  deliver: DeliverCredential,
  context: OrganizationContext = {},
): Promise<Applied | Conflict> {
  const organizationId = manifest.metadata.name as OrganizationId;
  const { keys, incomplete } = await resolveWebhookSecrets(manifest, context.webhookSecrets);
  return inTransaction(pool, async (client) => {
    await context.fence?.(client);
    const changed = await upsert(client, organizationId, manifest, context);
    const conflict = changed ? undefined : await findConflict(client, manifest, context);
    if (conflict) return conflict;
    const specs = manifest.spec.credentials;
    const credentials = await applyCredentials(client, organizationId, specs, deliver, context);
    const hooked = await applyWebhooks(client, organizationId, manifest.spec.webhooks, keys);
    const missing = [...(credentials.incomplete ?? []), ...incomplete];
    return {
      changed: changed || credentials.changed || hooked,
      ...(missing.length > 0 ? { incomplete: missing } : {}),
    };
  });
}

/**
 * Closes the doors of an organization whose resource is gone, and forgets its enablements. Its data, its uploads
 * and its credentials stay. Does nothing for a resource that never owned the name.
 */
export async function removeOrganization(
  pool: Pool,
  namespace: string,
  name: string,
  { fence, revision }: WriteContext = {},
): Promise<Applied> {
  return inTransaction(pool, async (client) => {
    await fence?.(client);
    const parameters = [namespace, name, revision?.uid ?? null, revision?.generation ?? null];
    const organization = await client.query(MARK_DELETED, parameters);
    const enablements = await client.query(REMOVE_ENABLEMENTS, [namespace, name]);
    return { changed: organization.rowCount !== 0 || enablements.rowCount !== 0 };
  });
}

async function upsert(
  client: PoolClient,
  id: OrganizationId,
  { metadata, spec }: OrganizationManifest,
  context: WriteContext,
): Promise<boolean> {
  const { rowCount } = await client.query(UPSERT, [
    id,
    metadata.namespace,
    spec.displayName ?? null,
    spec.suspended,
    spec.allowedSourceRanges,
    spec.limits?.maxFileBytes ?? null,
    ...revisionParameters(context),
  ]);
  return rowCount !== 0;
}

async function findConflict(
  client: PoolClient,
  { metadata }: OrganizationManifest,
  context: WriteContext,
): Promise<Conflict | undefined> {
  const { rows } = await client.query<OwnerRow>(FIND_OWNER, [metadata.name]);
  const [owner] = rows;
  if (!owner) return undefined;
  if (owner.namespace === metadata.namespace) {
    expectCurrent(owner, `Organization ${metadata.namespace}/${metadata.name}`, context);
    return undefined;
  }
  const state = owner.deleted ? 'was deleted there, and its data is kept under the name' : 'is in use there';
  return {
    conflict: `The name ${metadata.name} belongs to namespace ${owner.namespace}: the organization ${state}. Choose another name.`,
  };
}
