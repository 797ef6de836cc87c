import type { Pool } from '../../src/database/pool.ts';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import type { ClientId, OrganizationId } from '../../src/support/ids.ts';
import { generateClientId, generateClientSecret, hashSecret } from '../../src/tenancy/secrets.ts';

export interface Tenant {
  readonly organizationId: OrganizationId;
  readonly clientId: ClientId;
  readonly clientSecret: string;
}

let count = 0;

/** An organization with one credential, written as the reconciler writes it. */
export async function createTenant(
  pool: Pool,
  options: {
    readonly schemaTypes?: readonly string[];
    readonly transformer?: Partial<TransformerSpec>;
    readonly maxFileBytes?: number;
    readonly allowedSourceRanges?: readonly string[];
  } = {},
): Promise<Tenant> {
  const organizationId = `org-${++count}` as OrganizationId;
  const clientId = generateClientId();
  const clientSecret = generateClientSecret();
  await pool.query(
    'INSERT INTO piing.organizations (id, namespace, max_file_bytes, allowed_source_ranges) VALUES ($1, $2, $3, $4)',
    [organizationId, 'default', options.maxFileBytes ?? null, options.allowedSourceRanges ?? []],
  );
  await pool.query('INSERT INTO piing.credentials (client_id, organization_id, name) VALUES ($1, $2, $3)', [
    clientId,
    organizationId,
    'pos',
  ]);
  await pool.query('INSERT INTO piing.credential_secrets (client_id, secret_sha256) VALUES ($1, $2)', [
    clientId,
    hashSecret(clientSecret),
  ]);
  const transformer = JSON.stringify({ ...DEFAULT_TRANSFORMER, ...options.transformer });
  for (const schemaType of options.schemaTypes ?? ['orgTransactions']) {
    await pool.query(
      'INSERT INTO piing.schema_enablements (organization_id, schema_type, namespace, name, transformer) VALUES ($1, $2, $3, $4, $5)',
      [organizationId, schemaType, 'default', `${organizationId}-${schemaType}`, transformer],
    );
  }
  return { organizationId, clientId, clientSecret };
}
