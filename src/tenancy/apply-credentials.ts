import type { Queryable } from '../database/pool.ts';
import { parseDuration } from '../support/duration.ts';
import type { ClientId, OrganizationId } from '../support/ids.ts';
import type { DeliverCredential } from './apply.ts';
import type { CredentialSpec } from './resources.ts';
import { generateClientId, generateClientSecret, hashSecret } from './secrets.ts';

interface ExistingCredential {
  readonly client_id: ClientId;
  readonly name: string;
  readonly rotation: number;
  readonly revoked: boolean;
  readonly has_secret: boolean;
}

const FIND_CREDENTIALS = `
SELECT c.client_id, c.name, c.rotation, c.revoked_at IS NOT NULL AS revoked,
       EXISTS (SELECT FROM piing.credential_secrets s
                WHERE s.client_id = c.client_id AND (s.valid_until IS NULL OR s.valid_until > now())) AS has_secret
  FROM piing.credentials c WHERE c.organization_id = $1`;

const INSERT_CREDENTIAL = `
INSERT INTO piing.credentials (client_id, organization_id, name, rotation, expires_at) VALUES ($1, $2, $3, $4, $5)`;

const UPDATE_CREDENTIAL = `
UPDATE piing.credentials
   SET revoked_at = CASE WHEN $2::boolean THEN COALESCE(revoked_at, now()) END, expires_at = $3, rotation = $4
 WHERE client_id = $1
   AND (revoked_at IS NOT NULL, expires_at, rotation) IS DISTINCT FROM ($2::boolean, $3::timestamptz, $4::integer)`;

const REVOKE_UNLISTED = `
UPDATE piing.credentials SET revoked_at = now()
 WHERE organization_id = $1 AND name <> ALL ($2::text[]) AND revoked_at IS NULL`;

const END_UNLISTED_SECRETS = `
UPDATE piing.credential_secrets s SET valid_until = now()
  FROM piing.credentials c
 WHERE c.client_id = s.client_id AND c.organization_id = $1 AND c.name <> ALL ($2::text[])
   AND (s.valid_until IS NULL OR s.valid_until > now())`;

const INSERT_SECRET = 'INSERT INTO piing.credential_secrets (client_id, secret_sha256) VALUES ($1, $2)';

/** A secret that is already running out is not given more time. */
const LIMIT_SECRETS = `
UPDATE piing.credential_secrets SET valid_until = LEAST(valid_until, now() + $2 * interval '1 millisecond')
 WHERE client_id = $1`;

/**
 * Brings the credentials of an organization to what its manifest lists, in the caller's transaction.
 * Resolves to whether anything differed.
 */
export async function applyCredentials(
  db: Queryable,
  organizationId: OrganizationId,
  specs: readonly CredentialSpec[],
  deliver: DeliverCredential,
): Promise<boolean> {
  const { rows } = await db.query<ExistingCredential>(FIND_CREDENTIALS, [organizationId]);
  const existing = new Map(rows.map((row) => [row.name, row]));
  let changed = await endUnlisted(db, organizationId, specs);
  for (const spec of specs) {
    const current = existing.get(spec.name);
    const issue = (clientId: ClientId) => issueSecret(db, clientId, organizationId, spec.name, deliver);
    const differed = current
      ? await updateCredential(db, current, spec, issue)
      : await createCredential(db, organizationId, spec, issue);
    changed ||= differed;
  }
  return changed;
}

type Issue = (clientId: ClientId) => Promise<void>;

/** What is taken out of the list is gone for good: its secrets end, so that its name cannot bring them back. */
async function endUnlisted(
  db: Queryable,
  organizationId: OrganizationId,
  specs: readonly CredentialSpec[],
): Promise<boolean> {
  const parameters = [organizationId, specs.map((spec) => spec.name)];
  const revoked = await db.query(REVOKE_UNLISTED, parameters);
  const ended = await db.query(END_UNLISTED_SECRETS, parameters);
  return revoked.rowCount !== 0 || ended.rowCount !== 0;
}

/** A credential that is revoked from the start gets no secret until it is allowed. */
async function createCredential(
  db: Queryable,
  organizationId: OrganizationId,
  spec: CredentialSpec,
  issue: Issue,
): Promise<boolean> {
  if (spec.revoked) return false;
  const clientId = generateClientId();
  const parameters = [clientId, organizationId, spec.name, spec.rotation, expiryOf(spec)];
  await db.query(INSERT_CREDENTIAL, parameters);
  await issue(clientId);
  return true;
}

async function updateCredential(
  db: Queryable,
  current: ExistingCredential,
  spec: CredentialSpec,
  issue: Issue,
): Promise<boolean> {
  const raised = spec.rotation > current.rotation;
  const issues = !spec.revoked && (raised || !current.has_secret);
  if (issues) {
    // Nobody can be using the old secret of a revoked credential, and whoever stole it must not.
    const overlapMs = current.revoked ? 0 : parseDuration(spec.rotationOverlap);
    await db.query(LIMIT_SECRETS, [current.client_id, overlapMs]);
    await issue(current.client_id);
  }
  // A rotation that a revoked credential did not get is made up for when it is allowed again.
  const rotation = raised && !issues ? current.rotation : spec.rotation;
  const parameters = [current.client_id, spec.revoked, expiryOf(spec), rotation];
  const { rowCount } = await db.query(UPDATE_CREDENTIAL, parameters);
  return issues || rowCount !== 0;
}

async function issueSecret(
  db: Queryable,
  clientId: ClientId,
  organizationId: OrganizationId,
  name: string,
  deliver: DeliverCredential,
): Promise<void> {
  const clientSecret = generateClientSecret();
  await db.query(INSERT_SECRET, [clientId, hashSecret(clientSecret)]);
  await deliver(organizationId, name, { clientId, clientSecret });
}

function expiryOf({ expiresAt }: CredentialSpec): Date | null {
  return expiresAt === undefined ? null : new Date(expiresAt);
}
