import { parseDuration } from '../support/duration.ts';
import { type DeliverCredential, UndeliverableError } from '../tenancy/apply.ts';
import type { IssuedCredential } from '../tenancy/secrets.ts';
import {
  CREDENTIAL_LABEL,
  DELIVERED_ANNOTATION,
  FIELD_MANAGER,
  MANAGED_BY_LABEL,
  ORGANIZATION_LABEL,
  type Organization,
  type Secret,
} from './kinds.ts';
import { isConflict, isNotFound } from './runtime/api-error.ts';
import type { ResourceClient } from './runtime/resource-client.ts';

function deliverySecretName(organizationId: string, credentialName: string): string {
  return `${organizationId}-${credentialName}`;
}

/** Delivers a new pair as a Secret that belongs to the Organization and is deleted with it. */
export function deliverAsSecret(
  secrets: ResourceClient<Secret>,
  organization: Organization,
  onDelivered: (credentialName: string, secret: Secret) => void,
): DeliverCredential {
  const { namespace } = organization.metadata;
  return async (organizationId, credentialName, issued) => {
    const body = toSecret(organization, credentialName, issued);
    const name = deliverySecretName(organizationId, credentialName);
    const secret = await secrets.create(namespace, body).catch(async (error: unknown) => {
      if (!isConflict(error)) throw error;
      await removeFormer(secrets, organization, credentialName, name);
      return secrets.create(namespace, body);
    });
    onDelivered(credentialName, secret);
  };
}

/** A pair that nobody has picked up yet gives way to the new one. Somebody else's Secret does not. */
async function removeFormer(
  secrets: ResourceClient<Secret>,
  { metadata: { namespace, name: organization } }: Organization,
  credentialName: string,
  name: string,
): Promise<void> {
  const { metadata } = await secrets.get(namespace, name);
  const { [ORGANIZATION_LABEL]: ofOrganization, [CREDENTIAL_LABEL]: ofCredential } = metadata.labels ?? {};
  if (ofOrganization !== organization || ofCredential !== credentialName) {
    throw new UndeliverableError(
      `spec.credentials[${credentialName}]: Its new secret would be delivered in Secret ${name}, and there is one of that name that has another purpose. Delete or rename that one, or rename the credential.`,
    );
  }
  await removeSecret(secrets, metadata);
}

export async function removeSecret(
  secrets: ResourceClient<Secret>,
  { namespace, name, uid }: Secret['metadata'],
): Promise<void> {
  try {
    await secrets.delete(namespace, name, { uid });
  } catch (error) {
    // Gone, or replaced by another of the name, which is not ours to delete.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

function toSecret(
  { apiVersion, kind, metadata }: Organization,
  credentialName: string,
  issued: IssuedCredential,
) {
  return {
    type: 'Opaque',
    metadata: {
      namespace: metadata.namespace,
      name: deliverySecretName(metadata.name, credentialName),
      labels: {
        [MANAGED_BY_LABEL]: FIELD_MANAGER,
        [ORGANIZATION_LABEL]: metadata.name,
        [CREDENTIAL_LABEL]: credentialName,
      },
      ownerReferences: [
        {
          apiVersion,
          kind,
          name: metadata.name,
          uid: metadata.uid,
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    },
    stringData: { client_id: issued.clientId, client_secret: issued.clientSecret },
  };
}

/** Delivery Secrets of an organization: those that still wait, and those that have to go. */
export interface Deliveries {
  /** By credential. */
  readonly waiting: ReadonlyMap<string, Secret>;
  readonly finished: readonly Secret[];
  /** Milliseconds until the next one has waited long enough. */
  readonly nextExpiryMs: number | undefined;
}

export function sortDeliveries({ spec }: Organization, secrets: readonly Secret[], now: Date): Deliveries {
  const waiting = new Map<string, Secret>();
  const finished: Secret[] = [];
  let nextExpiryMs: number | undefined;
  for (const secret of secrets.filter(isDelivery)) {
    const name = secret.metadata.labels?.[CREDENTIAL_LABEL] ?? '';
    const credential = spec.credentials.find(
      (each) => each.name === name && !each.revoked && !each.secretRef,
    );
    const leftMs = credential ? timeLeftMs(secret, credential.deliveryTTL, now) : 0;
    if (leftMs <= 0 || secret.metadata.annotations?.[DELIVERED_ANNOTATION] !== undefined) {
      finished.push(secret);
      continue;
    }
    waiting.set(name, secret);
    nextExpiryMs = Math.min(leftMs, nextExpiryMs ?? leftMs);
  }
  return { waiting, finished, nextExpiryMs };
}

/** False for a Secret that its owner has labelled to have it watched. */
export function isDelivery({ metadata: { labels } }: Secret): boolean {
  return labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER && labels[CREDENTIAL_LABEL] !== undefined;
}

function timeLeftMs({ metadata }: Secret, deliveryTTL: string, now: Date): number {
  return Date.parse(metadata.creationTimestamp ?? '') + parseDuration(deliveryTTL) - now.getTime();
}
