import type { Queryable } from '../database/pool.ts';
import { parseDuration } from '../support/duration.ts';
import type { ClientId, OrganizationId } from '../support/ids.ts';
import type { CredentialSpec } from './resources.ts';
import { hashSecret } from './secrets.ts';

/** A credential as the control database has it. */
export interface ExistingCredential {
  readonly client_id: ClientId;
  readonly name: string;
  readonly rotation: number;
  readonly revoked: boolean;
  /** SHA-256 of the secrets that open doors now. */
  readonly secrets: readonly Buffer[];
}

const FIND_CREDENTIALS = `
SELECT c.client_id, c.name, c.rotation, c.revoked_at IS NOT NULL AS revoked,
       ARRAY(SELECT s.secret_sha256 FROM piing.credential_secrets s
              WHERE s.client_id = c.client_id AND (s.valid_until IS NULL OR s.valid_until > now())) AS secrets
  FROM piing.credentials c WHERE c.organization_id = $1`;

const INSERT_CREDENTIAL = `
INSERT INTO piing.credentials (client_id, organization_id, name, rotation, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client_id) DO NOTHING`;

const UPDATE_CREDENTIAL = `
UPDATE piing.credentials
   SET revoked_at = CASE WHEN $2::boolean THEN COALESCE(revoked_at, now()) END, expires_at = $3, rotation = $4
 WHERE client_id = $1
   AND (revoked_at IS NOT NULL, expires_at, rotation) IS DISTINCT FROM ($2::boolean, $3::timestamptz, $4::integer)`;

/** Also a secret that ran out before: its owner has brought it back. */
const PUT_SECRET = `
INSERT INTO piing.credential_secrets (client_id, secret_sha256) VALUES ($1, $2)
ON CONFLICT (client_id, secret_sha256) DO UPDATE SET valid_until = NULL`;

/** A secret that is already running out is not given more time. */
const LIMIT_SECRETS = `
UPDATE piing.credential_secrets SET valid_until = LEAST(valid_until, now() + $2 * interval '1 millisecond')
 WHERE client_id = $1`;

export async function findCredentials(
  db: Queryable,
  organizationId: OrganizationId,
): Promise<ReadonlyMap<string, ExistingCredential>> {
  const { rows } = await db.query<ExistingCredential>(FIND_CREDENTIALS, [organizationId]);
  return new Map(rows.map((row) => [row.name, row]));
}

/** Resolves to false when the client id is taken. */
export async function insertCredential(
  db: Queryable,
  clientId: ClientId,
  organizationId: OrganizationId,
  spec: CredentialSpec,
): Promise<boolean> {
  const parameters = [clientId, organizationId, spec.name, spec.rotation, expiryOf(spec)];
  const { rowCount } = await db.query(INSERT_CREDENTIAL, parameters);
  return rowCount !== 0;
}

/** Resolves to whether anything differed. */
export async function updateCredential(
  db: Queryable,
  { client_id }: ExistingCredential,
  spec: CredentialSpec,
  rotation: number,
): Promise<boolean> {
  const { rowCount } = await db.query(UPDATE_CREDENTIAL, [client_id, spec.revoked, expiryOf(spec), rotation]);
  return rowCount !== 0;
}

export async function putSecret(db: Queryable, clientId: ClientId, clientSecret: string): Promise<void> {
  await db.query(PUT_SECRET, [clientId, hashSecret(clientSecret)]);
}

/** Lets the secrets so far run out, because a new one is about to be there. */
export async function limitSecrets(
  db: Queryable,
  { client_id, revoked }: ExistingCredential,
  { rotationOverlap }: CredentialSpec,
): Promise<void> {
  // Nobody can be using the old secret of a revoked credential, and whoever stole it must not.
  await db.query(LIMIT_SECRETS, [client_id, revoked ? 0 : parseDuration(rotationOverlap)]);
}

function expiryOf({ expiresAt }: CredentialSpec): Date | null {
  return expiresAt === undefined ? null : new Date(expiresAt);
}
