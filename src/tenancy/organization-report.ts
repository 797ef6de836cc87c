import type { Queryable } from '../database/pool.ts';
import type { ClientId } from '../support/ids.ts';

export interface CredentialReport {
  readonly name: string;
  readonly clientId: ClientId;
  readonly revoked: boolean;
  readonly expired: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** What the gateway knows of an organization. */
export interface OrganizationReport {
  readonly credentials: readonly CredentialReport[];
  /** Sorted. */
  readonly schemaTypes: readonly string[];
  readonly lastUploadAt: Date | null;
}

const REPORT_CREDENTIALS = `
SELECT name, client_id AS "clientId", revoked_at IS NOT NULL AS revoked, created_at AS "createdAt",
       expires_at AS "expiresAt", COALESCE(expires_at <= now(), false) AS expired, last_used_at AS "lastUsedAt"
  FROM piing.credentials WHERE organization_id = $1 ORDER BY name`;

const REPORT_USE = `
SELECT ARRAY(SELECT schema_type FROM piing.schema_enablements WHERE organization_id = $1 ORDER BY 1) AS "schemaTypes",
       (SELECT received_at FROM piing.uploads WHERE organization_id = $1 AND received_at IS NOT NULL
         ORDER BY id DESC LIMIT 1) AS "lastUploadAt"`;

export async function reportOrganization(db: Queryable, organizationId: string): Promise<OrganizationReport> {
  const [{ rows: credentials }, { rows: uses }] = await Promise.all([
    db.query<CredentialReport>(REPORT_CREDENTIALS, [organizationId]),
    db.query<Omit<OrganizationReport, 'credentials'>>(REPORT_USE, [organizationId]),
  ]);
  return { credentials, schemaTypes: [], lastUploadAt: null, ...uses[0] };
}

const FIND_USED = `
SELECT o.namespace, o.id AS name FROM piing.organizations o
 WHERE o.id IN (SELECT organization_id FROM piing.credentials WHERE last_used_at > now() - $1 * interval '1 millisecond'
                UNION
                SELECT organization_id FROM piing.uploads WHERE received_at > now() - $1 * interval '1 millisecond')`;

/** Organizations that logged in or uploaded within the last `ms` milliseconds. */
export async function findUsedOrganizations(
  db: Queryable,
  ms: number,
): Promise<{ readonly namespace: string; readonly name: string }[]> {
  return (await db.query<{ namespace: string; name: string }>(FIND_USED, [ms])).rows;
}
