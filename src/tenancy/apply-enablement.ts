import { inTransaction, type Pool, type PoolClient } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import { validateTransformer } from '../schemas/validate-transformer.ts';
import type { Applied, ApplyResult, Conflict, Invalid, Waiting } from './apply.ts';
import type { SchemaEnablementManifest, SchemaEnablementSpec } from './resources.ts';

/** Of a resource that was deleted and made again under its name for something else. */
const REMOVE_FORMER = `
DELETE FROM piing.schema_enablements
 WHERE namespace = $1 AND name = $2 AND (organization_id, schema_type) <> ($3, $4)`;

/** Locked, so that the organization cannot be removed while an enablement is added. */
const FIND_ORGANIZATION = `
SELECT FROM piing.organizations WHERE id = $1 AND namespace = $2 AND deleted_at IS NULL FOR SHARE`;

const UPSERT = `
INSERT INTO piing.schema_enablements AS e (namespace, name, organization_id, schema_type, transformer)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organization_id, schema_type) DO UPDATE SET transformer = EXCLUDED.transformer
 WHERE e.namespace = EXCLUDED.namespace AND e.name = EXCLUDED.name
   AND e.transformer IS DISTINCT FROM EXCLUDED.transformer`;

const FIND_OWNER = `
SELECT name FROM piing.schema_enablements WHERE organization_id = $1 AND schema_type = $2`;

const REMOVE = 'DELETE FROM piing.schema_enablements WHERE namespace = $1 AND name = $2';

/**
 * Enables a schema type for an organization, with the transformer of its files. Whatever the result, what the
 * resource enabled under another organization or schema type before is disabled.
 */
export async function applyEnablement(
  pool: Pool,
  catalogue: Catalogue,
  manifest: SchemaEnablementManifest,
): Promise<ApplyResult> {
  const { metadata, spec } = manifest;
  return inTransaction(pool, async (client) => {
    const key = [metadata.namespace, metadata.name, spec.organizationRef.name, spec.schemaType];
    const former = await client.query(REMOVE_FORMER, key);
    const obstacle = findInvalid(catalogue, spec) ?? (await findWaiting(client, manifest));
    if (obstacle) return obstacle;
    const upserted = await client.query(UPSERT, [...key, JSON.stringify(spec.transformer)]);
    const conflict = upserted.rowCount === 0 ? await findConflict(client, manifest) : undefined;
    return conflict ?? { changed: former.rowCount !== 0 || upserted.rowCount !== 0 };
  });
}

/** Disables what a deleted resource had enabled. The rows that were loaded stay. */
export async function removeEnablement(pool: Pool, namespace: string, name: string): Promise<Applied> {
  const { rowCount } = await pool.query(REMOVE, [namespace, name]);
  return { changed: rowCount !== 0 };
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
): Promise<Conflict | undefined> {
  const organization = spec.organizationRef.name;
  const { rows } = await client.query<{ name: string }>(FIND_OWNER, [organization, spec.schemaType]);
  const [owner] = rows;
  if (!owner || owner.name === metadata.name) return undefined;
  return {
    conflict: `SchemaEnablement ${owner.name} already enables ${spec.schemaType} for ${organization}. Change that one, or delete one of the two.`,
  };
}
