import type { Queryable } from '../database/pool.ts';
import type { ClientId, OrganizationId } from '../support/ids.ts';
import {
  type Applied,
  type DeliverCredential,
  type OrganizationContext,
  type ProvidedSecret,
  UndeliverableError,
} from './apply.ts';
import { applyProvidedSecret } from './apply-provided-secret.ts';
import {
  type ExistingCredential,
  findCredentials,
  insertCredential,
  limitSecrets,
  putSecret,
  updateCredential,
} from './credential-rows.ts';
import type { CredentialSpec } from './resources.ts';
import { generateClientId, generateClientSecret } from './secrets.ts';

const REVOKE_UNLISTED = `
UPDATE piing.credentials SET revoked_at = now()
 WHERE organization_id = $1 AND name <> ALL ($2::text[]) AND revoked_at IS NULL`;

const END_UNLISTED_SECRETS = `
UPDATE piing.credential_secrets s SET valid_until = now()
  FROM piing.credentials c
 WHERE c.client_id = s.client_id AND c.organization_id = $1 AND c.name <> ALL ($2::text[])
   AND (s.valid_until IS NULL OR s.valid_until > now())`;

/** Brings the credentials of an organization to what its manifest lists, in the caller's transaction. */
export async function applyCredentials(
  db: Queryable,
  organizationId: OrganizationId,
  specs: readonly CredentialSpec[],
  deliver: DeliverCredential,
  context: OrganizationContext = {},
): Promise<Applied> {
  const existing = await findCredentials(db, organizationId);
  let changed = await endUnlisted(db, organizationId, specs);
  const incomplete: string[] = [];
  for (const spec of specs) {
    const current = existing.get(spec.name);
    const formerClientId = context.formerClientIds?.get(spec.name);
    const result = spec.secretRef
      ? await applyProvidedSecret(
          db,
          organizationId,
          spec,
          current,
          context.provided?.get(spec.name) ?? nothingProvided(spec),
          formerClientId,
        )
      : await applyIssued(db, organizationId, spec, current, deliver, formerClientId);
    changed ||= result.changed;
    incomplete.push(...(result.incomplete ?? []));
  }
  return incomplete.length > 0 ? { changed, incomplete } : { changed };
}

function nothingProvided({ name, secretRef }: CredentialSpec): ProvidedSecret {
  const problem = `spec.credentials[${name}].secretRef: Secret ${secretRef?.name} can be read by the operator only, and nothing else reads Secrets here. Leave secretRef out to have a secret issued.`;
  return { problem };
}

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

/** Issues a secret when one is due, and leaves the credential as it is when nobody can be given it. */
async function applyIssued(
  db: Queryable,
  organizationId: OrganizationId,
  spec: CredentialSpec,
  current: ExistingCredential | undefined,
  deliver: DeliverCredential,
  formerClientId: ClientId | undefined,
): Promise<Applied> {
  const raised = current !== undefined && spec.rotation > current.rotation;
  // A credential that is revoked from the start gets no secret until it is allowed.
  const due = !spec.revoked && (raised || (current?.secrets ?? []).length === 0);
  const issue = async () => {
    const clientId = current?.client_id ?? (await create(db, organizationId, spec, formerClientId));
    if (current) await limitSecrets(db, current, spec);
    const clientSecret = generateClientSecret();
    await putSecret(db, clientId, clientSecret);
    await deliver(organizationId, spec.name, { clientId, clientSecret });
  };
  const refusal = due ? await attempt(db, issue) : undefined;
  const issued = due && refusal === undefined;
  // A rotation that a credential did not get is made up for later.
  const rotation = raised && !issued ? current.rotation : spec.rotation;
  const updated = current ? await updateCredential(db, current, spec, rotation) : false;
  const changed = issued || updated;
  return refusal === undefined ? { changed } : { changed, incomplete: [refusal] };
}

/** Takes back what was written when the delivery is refused, and resolves to the reason. */
async function attempt(db: Queryable, issue: () => Promise<void>): Promise<string | undefined> {
  await db.query('SAVEPOINT issue');
  try {
    await issue();
    await db.query('RELEASE SAVEPOINT issue');
    return undefined;
  } catch (error) {
    if (!(error instanceof UndeliverableError)) throw error;
    await db.query('ROLLBACK TO SAVEPOINT issue');
    return error.message;
  }
}

async function create(
  db: Queryable,
  organizationId: OrganizationId,
  spec: CredentialSpec,
  formerClientId: ClientId | undefined,
): Promise<ClientId> {
  if (formerClientId && (await insertCredential(db, formerClientId, organizationId, spec)))
    return formerClientId;
  const clientId = generateClientId();
  await insertCredential(db, clientId, organizationId, spec);
  return clientId;
}
