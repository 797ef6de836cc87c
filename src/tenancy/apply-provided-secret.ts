import type { Queryable } from '../database/pool.ts';
import type { ClientId, OrganizationId } from '../support/ids.ts';
import type { Applied, ProvidedSecret } from './apply.ts';
import {
  type ExistingCredential,
  insertCredential,
  limitSecrets,
  putSecret,
  updateCredential,
} from './credential-rows.ts';
import type { CredentialSpec } from './resources.ts';
import { generateClientId, hashSecret } from './secrets.ts';

/** Brings a credential whose secret its owner chose to what its spec and the Secret say. */
export async function applyProvidedSecret(
  db: Queryable,
  organizationId: OrganizationId,
  spec: CredentialSpec,
  current: ExistingCredential | undefined,
  provided: ProvidedSecret,
  formerClientId: ClientId | undefined,
): Promise<Applied> {
  if ('problem' in provided) {
    // Revoking and expiring do not wait for a Secret.
    const changed = current ? await updateCredential(db, current, spec, spec.rotation) : false;
    return { changed, incomplete: [provided.problem] };
  }
  if (current) return update(db, spec, current, provided);
  if (spec.revoked) return { changed: false };
  const clientId = provided.clientId ?? formerClientId ?? generateClientId();
  if (!(await insertCredential(db, clientId, organizationId, spec)))
    return incomplete(spec, `client_id ${clientId} belongs to another credential. Choose another one.`);
  await putSecret(db, clientId, provided.clientSecret);
  return { changed: true };
}

async function update(
  db: Queryable,
  spec: CredentialSpec,
  current: ExistingCredential,
  { clientId, clientSecret }: Exclude<ProvidedSecret, { problem: string }>,
): Promise<Applied> {
  const updated = await updateCredential(db, current, spec, spec.rotation);
  if (clientId !== undefined && clientId !== current.client_id) {
    const advice = `the client_id is ${current.client_id} and cannot be changed. Use that, or another name for the credential.`;
    return { ...incomplete(spec, advice), changed: updated };
  }
  const digest = hashSecret(clientSecret);
  if (spec.revoked || current.secrets.some((known) => known.equals(digest))) return { changed: updated };
  await limitSecrets(db, current, spec);
  await putSecret(db, current.client_id, clientSecret);
  return { changed: true };
}

function incomplete({ name, secretRef }: CredentialSpec, advice: string): Applied {
  const message = `spec.credentials[${name}].secretRef: In Secret ${secretRef?.name}, ${advice}`;
  return { changed: false, incomplete: [message] };
}
