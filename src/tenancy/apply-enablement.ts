import { inTransaction, type Pool, type PoolClient } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import { validateTransformer } from '../schemas/validate-transformer.ts';
import type { Applied, ApplyResult, Conflict, Invalid, Waiting } from './apply.ts';
import type { SchemaEnablementManifest, SchemaEnablementSpec } from './resources.ts';
import { expectCurrent, revisionParameters, type WriteContext } from './write-context.ts';

interface OwnerRow {
  readonly name: string;
  readonly resource_uid: string | null;
  readonly resource_generation: number;
}

/** Of a resource that was deleted and made again under its name for something else. */
const REMOVE_FORMER = `
DELETE FROM piing.schema_enablements
 WHERE namespace = $1 AND name = $2 AND (organization_id, schema_type) <> ($3, $4)`;

/** Locked, so that the organization cannot be removed while an enablement is added. */
const FIND_ORGANIZATION = `
SELECT FROM piing.organizations WHERE id = $1 AND namespace = $2 AND deleted_at IS NULL FOR SHARE`;

const UPSERT = `
INSERT INTO piing.schema_enablements AS e
       (namespace, name, organization_id, schema_type, transformer, resource_uid, resource_generation)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organization_id, schema_type) DO UPDATE
   SET transformer = EXCLUDED.transformer,
       resource_uid = EXCLUDED.resource_uid,
       resource_generation = EXCLUDED.resource_generation
 WHERE e.namespace = EXCLUDED.namespace AND e.name = EXCLUDED.name
   AND ($8 OR (e.resource_uid = EXCLUDED.resource_uid
               AND e.resource_generation > EXCLUDED.resource_generation) IS NOT TRUE)
   AND (e.transformer, e.resource_uid, e.resource_generation)
       IS DISTINCT FROM (EXCLUDED.transformer, EXCLUDED.resource_uid, EXCLUDED.resource_generation)`;

const FIND_OWNER = `
SELECT name, resource_uid, resource_generation FROM piing.schema_enablements
 WHERE organization_id = $1 AND schema_type = $2`;

/** Not one that was made anew under the name and has been applied since. */
const REMOVE = `
DELETE FROM piing.schema_enablements
 WHERE namespace = $1 AND name = $2 AND (resource_uid IS NULL OR $3::text IS NULL OR resource_uid = $3)`;

/**
 * Enables a schema type for an organization, with the transformer of its files. Whatever the result, what the
 * resource enabled under another organization or schema type before is disabled.
 * @throws {OutdatedError} when a later generation of the same resource has been applied
 */
export async function applyEnablement(
  pool: Pool,
  catalogue: Catalogue,
  manifest: SchemaEnablementManifest,
  context: WriteContext = {},
): Promise<ApplyResult> {
  const { metadata, spec } = manifest;
  return inTransaction(pool, async (client) => {
    await context.fence?.(client);
    const key = [metadata.namespace, metadata.name, spec.organizationRef.name, spec.schemaType];
    const former = await client.query(REMOVE_FORMER, key);
    const obstacle = findInvalid(catalogue, spec) ?? (await findWaiting(client, manifest));
    if (obstacle) return obstacle;
    const values = [...key, JSON.stringify(spec.transformer), ...revisionParameters(context)];
    const upserted = await client.query(UPSERT, values);
    const conflict = upserted.rowCount === 0 ? await findConflict(client, manifest, context) : undefined;
    return conflict ?? { changed: former.rowCount !== 0 || upserted.rowCount !== 0 };
  });
}

/** Disables what a deleted resource had enabled. The rows that were loaded stay. */
export async function removeEnablement(
  pool: Pool,
  namespace: string,
  name: string,
  { fence, revision }: WriteContext = {},
): Promise<Applied> {
  return inTransaction(pool, async (client) => {
    await fence?.(client);
    const { rowCount } = await client.query(REMOVE, [namespace, name, revision?.uid ?? null]);
    return { changed: rowCount !== 0 };
  });
}

function findInvalid(catalogue: Catalogue, spec: SchemaEnablementSpec): Invalid | undefined {
  const schema = catalogue.get(spec.schemaType);
  if (!schema) {
    const known = catalogue.types.map(({ name }) => name).join(', ');
    return { invalid: [`spec.schemaType: There is no schema type ${spec.schemaType}. Known: ${known}.`] };
  }
  const problems = validateTransformer(schema, spec.transformer);
  return problems.length > 0
    ? { invalid: problems.map((problem) => `spec.transformer.${problem}`) }
    : undefined;
}

async function findWaiting(
  client: PoolClient,
  { metadata, spec }: SchemaEnablementManifest,
): Promise<Waiting | undefined> {
  const { name } = spec.organizationRef;
  const { rowCount } = await client.query(FIND_ORGANIZATION, [name, metadata.namespace]);
  if (rowCount !== 0) return undefined;
  return {
    waiting: `Namespace ${metadata.namespace} has no working Organization ${name}. Create it there, or correct spec.organizationRef.name.`,
  };
}

async function findConflict(
  client: PoolClient,
  { metadata, spec }: SchemaEnablementManifest,
  context: WriteContext,
): Promise<Conflict | undefined> {
  const organization = spec.organizationRef.name;
  const { rows } = await client.query<OwnerRow>(FIND_OWNER, [organization, spec.schemaType]);
  const [owner] = rows;
  if (!owner) return undefined;
  if (owner.name === metadata.name) {
    expectCurrent(owner, `SchemaEnablement ${metadata.namespace}/${metadata.name}`, context);
    return undefined;
  }
  return {
    conflict: `SchemaEnablement ${owner.name} already enables ${spec.schemaType} for ${organization}. Change that one, or delete one of the two.`,
  };
}
