import { userInfo } from 'node:os';
import Table from 'cli-table3';
import type { Queryable } from '../database/pool.ts';
import { eraseOrganization, organizationState } from '../retention/erase-organization.ts';
import type { Settings } from '../settings.ts';
import type { OrganizationId } from '../support/ids.ts';
import { StartupError } from '../support/listen.ts';
import { administratorSettings, withControl } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { PLAIN_TABLE } from './uploads-tables.ts';
import { openWorld } from './world.ts';

interface OrganizationSummary {
  readonly id: string;
  readonly displayName: string | null;
  readonly namespace: string | null;
  readonly state: 'active' | 'suspended' | 'deleted' | 'remains';
  readonly schemaTypes: readonly string[];
  readonly credentials: number;
  readonly uploads: number;
  readonly lastUploadAt: Date | null;
}

const LIST = `
WITH sent AS (
  SELECT organization_id AS id, count(*) AS uploads, max(created_at) AS last FROM piing.uploads GROUP BY 1
)
SELECT COALESCE(o.id, s.id) AS id, o.display_name AS "displayName", o.namespace,
       CASE WHEN o.id IS NULL THEN 'remains' WHEN o.deleted_at IS NOT NULL THEN 'deleted'
            WHEN o.suspended THEN 'suspended' ELSE 'active' END AS state,
       ARRAY(SELECT e.schema_type FROM piing.schema_enablements e WHERE e.organization_id = o.id ORDER BY 1) AS "schemaTypes",
       (SELECT count(*) FROM piing.credentials c WHERE c.organization_id = o.id AND c.revoked_at IS NULL) AS credentials,
       COALESCE(s.uploads, 0) AS uploads, s.last AS "lastUploadAt"
  FROM piing.organizations o FULL JOIN sent s ON s.id = o.id
 ORDER BY 1`;

export async function listOrganizationsCommand(
  settings: Settings,
  options: { readonly json?: boolean },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const organizations = await listOrganizations(pool);
    print(options.json ? toJson(organizations) : organizationsTable(organizations));
  });
}

export interface EraseCommandOptions {
  readonly confirm: string;
  readonly evenIfActive?: boolean;
  readonly json?: boolean;
}

/** `piing organizations erase`: the id is given twice, because there is no way back. */
export async function eraseCommand(
  settings: Settings,
  id: string,
  options: EraseCommandOptions,
): Promise<void> {
  if (options.confirm !== id)
    throw new StartupError(`--confirm has to repeat ${JSON.stringify(id)}. Nothing was removed.`);
  const world = await openWorld(await administratorSettings(settings), 'admin');
  const { control, logger } = world;
  try {
    const organizationId = await expectErasable(control, id, options.evenIfActive === true);
    const audit = { audit: 'organization-erased', organizationId, by: userInfo().username };
    logger.warn(audit, 'erasing an organization');
    const erased = await eraseOrganization({
      ...world,
      organizationId,
      onStep: ({ what, count }) => logger.info({ organizationId, what, count }, 'erased'),
    });
    logger.warn({ ...audit, erased }, 'organization erased');
    if (options.json) return print(toJson(erased));
    const table = new Table({ ...PLAIN_TABLE, head: ['ERASED', 'COUNT'] });
    for (const { what, count } of erased) table.push([what, count]);
    print(table.toString());
  } finally {
    await world.close();
  }
}

/** Kubernetes names, so that nothing else gets into the keys of the store. */
const ORGANIZATION_ID = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

async function expectErasable(
  control: Queryable,
  id: string,
  evenIfActive: boolean,
): Promise<OrganizationId> {
  const organizationId = id as OrganizationId;
  const state = ORGANIZATION_ID.test(id) ? await organizationState(control, organizationId) : 'unknown';
  if (state === 'unknown')
    throw new StartupError(
      `There is no organization ${JSON.stringify(id)}. See them with: piing organizations list`,
    );
  if (state === 'active' && !evenIfActive)
    throw new StartupError(
      `${id} is active: it could send files while they are erased. Delete its resource first (kubectl delete organization, or its manifest), or give --even-if-active; a resource that stays makes it anew, empty.`,
    );
  return organizationId;
}

async function listOrganizations(control: Queryable): Promise<OrganizationSummary[]> {
  return (await control.query<OrganizationSummary>(LIST)).rows;
}

function organizationsTable(organizations: readonly OrganizationSummary[]): string {
  if (organizations.length === 0) return 'No organizations.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['ORGANIZATION', 'NAME', 'NAMESPACE', 'STATE', 'CREDENTIALS', 'SCHEMAS', 'UPLOADS', 'LAST (UTC)'],
  });
  for (const organization of organizations) {
    table.push([
      organization.id,
      organization.displayName ?? '',
      organization.namespace ?? '',
      organization.state,
      organization.credentials,
      organization.schemaTypes.join(', '),
      organization.uploads,
      organization.lastUploadAt?.toISOString().slice(0, 16).replace('T', ' ') ?? '',
    ]);
  }
  return table.toString();
}
