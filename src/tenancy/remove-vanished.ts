import type { Pool } from '../database/pool.ts';
import { removeEnablement } from './apply-enablement.ts';
import { removeOrganization } from './apply-organization.ts';
import type { Fence } from './write-context.ts';

const FIND_APPLIED = `
SELECT 'SchemaEnablement' AS kind, namespace, name FROM piing.schema_enablements
 WHERE $1::text[] IS NULL OR namespace = ANY ($1)
UNION ALL
SELECT 'Organization', namespace, id FROM piing.organizations
 WHERE deleted_at IS NULL AND ($1::text[] IS NULL OR namespace = ANY ($1))`;

interface AppliedResource {
  readonly kind: 'Organization' | 'SchemaEnablement';
  readonly namespace: string;
  readonly name: string;
}

/**
 * Closes the doors of every resource that was applied once and is there no more, and resolves to their names
 * (`Organization default/blue-bistro`).
 * @param isThere asked after the database has been read, so that what is applied meanwhile is safe
 * @param namespaces null: all
 */
export async function removeVanished(
  pool: Pool,
  isThere: (resource: string) => boolean,
  namespaces: readonly string[] | null,
  fence?: Fence,
): Promise<string[]> {
  const { rows } = await pool.query<AppliedResource>(FIND_APPLIED, [namespaces]);
  const removed: string[] = [];
  for (const { kind, namespace, name } of rows) {
    const resource = `${kind} ${namespace}/${name}`;
    if (isThere(resource)) continue;
    const remove = kind === 'Organization' ? removeOrganization : removeEnablement;
    await remove(pool, namespace, name, { fence });
    removed.push(resource);
  }
  return removed;
}
