import { type Caches, organizationKeyOf } from './caches.ts';
import { isDelivery } from './delivery-secrets.ts';
import { ORGANIZATION_LABEL, type Organization, type SchemaEnablement } from './kinds.ts';
import { keyOf } from './runtime/kubernetes-object.ts';
import type { WorkQueue } from './runtime/work-queue.ts';
import { specChanged } from './spec-changed.ts';

/** The enablements of an organization come together, and one look at all of them is enough for its status. */
const SETTLE_MS = 250;

interface Queues {
  readonly organization: WorkQueue;
  readonly enablement: WorkQueue;
}

/** Who has to be looked at when something changes. */
export function linkQueues(caches: Caches, queues: Queues) {
  const enqueueEnablementsOf = (organizationKey: string) => {
    for (const enablement of caches.enablements.find('organization', organizationKey))
      queues.enablement.add(keyOf(enablement));
  };
  caches.organizations.onChange((before, after) => {
    if (after && specChanged(before, after)) queues.organization.add(keyOf(after));
  });
  caches.enablements.onChange((before, after) => {
    if (after && specChanged(before, after)) queues.enablement.add(keyOf(after));
  });
  caches.secrets.onChange((before, after) => {
    // A delivery that is new is one that the controller has just made.
    if (!before && after && isDelivery(after)) return;
    const secret = after ?? before;
    if (!secret) return;
    const owner = secret.metadata.labels?.[ORGANIZATION_LABEL];
    if (owner && isDelivery(secret)) queues.organization.add(`${secret.metadata.namespace}/${owner}`);
    // Whatever the label says: several may share a Secret.
    for (const organization of caches.organizations.find('secret', keyOf(secret)))
      queues.organization.add(keyOf(organization));
  });
  return {
    organizationChanged: (organization: Organization) => enqueueEnablementsOf(keyOf(organization)),
    enablementChanged: (enablement: SchemaEnablement) =>
      queues.organization.addAfter(organizationKeyOf(enablement), SETTLE_MS),
    enablementClosed: (enablement: SchemaEnablement) => enqueueEnablementsOf(organizationKeyOf(enablement)),
  };
}
