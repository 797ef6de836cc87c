import type { Pool } from '../database/pool.ts';
import type { ClientId } from '../support/ids.ts';
import { applyOrganization, removeOrganization } from '../tenancy/apply-organization.ts';
import { reportOrganization } from '../tenancy/organization-report.ts';
import type { OrganizationStatus } from '../tenancy/resources.ts';
import type { Fence } from '../tenancy/write-context.ts';
import { applyCurrent, revisionOf } from './apply-current.ts';
import { NotInChargeError } from './charge.ts';
import { deliverAsSecret, isDelivery, removeSecret, sortDeliveries } from './delivery-secrets.ts';
import { FINALIZER, type Organization, type Secret } from './kinds.ts';
import { NamedSecrets } from './named-secrets.ts';
import { appliedStatus, refusedStatus } from './organization-status.ts';
import { readProvidedSecrets } from './provided-secrets.ts';
import { explainFailure } from './reconcile-failure.ts';
import type { ObjectCache } from './runtime/cache.ts';
import type { Clock } from './runtime/clock.ts';
import type { Outcome, Reconcile } from './runtime/controller.ts';
import type { EventRecorder } from './runtime/events.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './runtime/finalizers.ts';
import { keyOf, type ObjectKey } from './runtime/kubernetes-object.ts';
import type { ResourceClient } from './runtime/resource-client.ts';
import { writeStatus } from './runtime/status.ts';
import { UsagePace } from './usage-pace.ts';
import { clusterWebhookSecrets } from './webhook-secrets.ts';

export interface OrganizationControllerOptions {
  readonly pool: Pool;
  /** Opens every transaction. */
  readonly fence: Fence;
  readonly organizations: ResourceClient<Organization>;
  readonly cache: ObjectCache<Organization>;
  readonly secrets: ResourceClient<Secret>;
  readonly secretCache: ObjectCache<Secret>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** After how long everything is compared again, in milliseconds; slightly different each time. */
  readonly resyncMs: () => number;
  /** The organization's enablements may have to be looked at again. */
  readonly onChanged: (organization: Organization) => void;
}

/** Brings the gateway to what one Organization says. */
export function organizationReconciler(options: OrganizationControllerOptions): Reconcile {
  const pace = new UsagePace(() => options.clock.monotonic());
  return async (key) => {
    const organization = options.cache.get(key);
    if (!organization) {
      pace.forget(key);
      return {};
    }
    if (organization.metadata.deletionTimestamp) return close(options, organization);
    try {
      return await open(options, pace, organization);
    } catch (error) {
      if (!(error instanceof NotInChargeError)) await reportFailure(options, organization, error as Error);
      throw error;
    }
  };
}

async function open(
  options: OrganizationControllerOptions,
  pace: UsagePace,
  found: Organization,
): Promise<Outcome> {
  const { pool, fence, organizations, cache, secrets, events, clock } = options;
  const organization = await withFinalizer(organizations, cache, found);
  const { metadata } = organization;
  const named = new NamedSecrets(secrets, organization);
  const provided = await readProvidedSecrets(named, organization);
  const delivered: Secret[] = [];
  const deliver = deliverAsSecret(secrets, organization, (_, secret) => delivered.push(secret));
  const formerClientIds = clientIdsOf(organization.status);
  const webhookSecrets = clusterWebhookSecrets(named);
  const context = { provided, formerClientIds, webhookSecrets, fence };
  const result = await applyCurrent(organizations, cache, organization, (revision) =>
    applyOrganization(pool, organization, deliver, { ...context, ...revision }),
  );
  if (!result) return {};
  for (const secret of delivered) recordDelivery(events, organization, secret);
  if ('conflict' in result) {
    await refuse(options, organization, 'Conflict', result.conflict);
    return { requeueAfterMs: options.resyncMs() };
  }
  if (result.changed || !isReady(organization)) options.onChanged(organization);
  const { waiting, nextExpiryMs } = await tidyDeliveries(options, organization, delivered);
  const report = await reportOrganization(pool, metadata.name);
  const state = { report, waiting, incomplete: result.incomplete ?? [], advice: named.advice };
  const status = appliedStatus(organization, state, clock.now());
  const soonest = Math.min(
    nextExpiryMs ?? Infinity,
    untilNextExpiryMs(status, clock.now()),
    options.resyncMs(),
  );
  const key = keyOf(organization);
  const waitMs = pace.waitMs(key, organization.status, status);
  if (waitMs > 0) return { requeueAfterMs: Math.min(soonest, waitMs) };
  if (await writeStatus(organizations, cache, organization, status))
    pace.written(key, organization.status, status);
  return { requeueAfterMs: soonest };
}

/** Ends logins and keeps data. A resource that was never reconciled has no finalizer, and closes nothing. */
async function close(
  { pool, fence, organizations, secrets, secretCache, onChanged }: OrganizationControllerOptions,
  organization: Organization,
): Promise<Outcome> {
  if (!hasFinalizer(organization, FINALIZER)) return {};
  const { namespace, name } = organization.metadata;
  await removeOrganization(pool, namespace, name, { fence, revision: revisionOf(organization) });
  for (const secret of secretCache.find('organization', keyOf(organization)).filter(isDelivery))
    await removeSecret(secrets, secret.metadata);
  onChanged(organization);
  await removeFinalizer(organizations, organization, FINALIZER);
  return {};
}

async function withFinalizer(
  organizations: ResourceClient<Organization>,
  cache: ObjectCache<Organization>,
  found: Organization,
): Promise<Organization> {
  if (hasFinalizer(found, FINALIZER)) return found;
  const organization = await addFinalizer(organizations, found, FINALIZER);
  cache.observe(organization);
  return organization;
}

/** Deletes the delivery Secrets that have done their work. */
async function tidyDeliveries(
  { secrets, secretCache, clock }: OrganizationControllerOptions,
  organization: Organization,
  delivered: readonly Secret[],
) {
  const byName = new Map<ObjectKey, Secret>();
  // What was delivered a moment ago may not have come by the watch yet.
  for (const secret of [...secretCache.find('organization', keyOf(organization)), ...delivered])
    byName.set(keyOf(secret), secret);
  const deliveries = sortDeliveries(organization, [...byName.values()], clock.now());
  for (const { metadata } of deliveries.finished) await removeSecret(secrets, metadata);
  return deliveries;
}

async function refuse(
  { organizations, cache, events, clock }: OrganizationControllerOptions,
  organization: Organization,
  reason: string,
  message: string,
): Promise<void> {
  const status = refusedStatus(organization, { status: 'False', reason, message }, clock.now());
  if (await writeStatus(organizations, cache, organization, status))
    events.record(organization, { type: 'Warning', reason, action: 'Apply', note: message });
}

/** An organization that works goes on working: only what was asked for and did not happen is told. */
async function reportFailure(
  { organizations, cache, events, clock }: OrganizationControllerOptions,
  { metadata }: Organization,
  error: Error,
): Promise<void> {
  const organization = cache.get(keyOf({ metadata }));
  if (!organization || (isReady(organization) && isObserved(organization))) return;
  const message = explainFailure(error);
  const status = refusedStatus(organization, { status: 'Unknown', reason: 'Failed', message }, clock.now());
  const written = await writeStatus(organizations, cache, organization, status).catch(() => false);
  if (written)
    events.record(organization, { type: 'Warning', reason: 'Failed', action: 'Apply', note: message });
}

function recordDelivery(events: EventRecorder, organization: Organization, { metadata }: Secret): void {
  const note = `A new secret can be read in Secret ${metadata.name}.`;
  events.record(organization, { type: 'Normal', reason: 'CredentialIssued', action: 'Issue', note });
}

function isReady({ status }: Organization): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;
}

function isObserved({ metadata, status }: Organization): boolean {
  return status?.observedGeneration === metadata.generation;
}

function clientIdsOf(status: OrganizationStatus = {}): ReadonlyMap<string, ClientId> {
  const known = status.credentials?.flatMap(({ name, clientId }) =>
    clientId === undefined ? [] : [[name, clientId as ClientId] as const],
  );
  return new Map(known);
}

/** A credential that expires shows it in the status, a second later at the latest. */
function untilNextExpiryMs({ credentials = [] }: OrganizationStatus, now: Date): number {
  const times = credentials.flatMap(({ state, expiresAt }) =>
    state === 'Active' && expiresAt ? [Date.parse(expiresAt) - now.getTime() + 1_000] : [],
  );
  return Math.min(...times.map((ms) => Math.max(ms, 0)), Infinity);
}
