import type { Pool } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import type { ApplyResult } from '../tenancy/apply.ts';
import { applyEnablement, removeEnablement } from '../tenancy/apply-enablement.ts';
import type { SchemaEnablementStatus } from '../tenancy/resources.ts';
import type { Fence } from '../tenancy/write-context.ts';
import { applyCurrent, revisionOf } from './apply-current.ts';
import { NotInChargeError } from './charge.ts';
import { FINALIZER, type Organization, type SchemaEnablement } from './kinds.ts';
import { explainFailure } from './reconcile-failure.ts';
import type { ObjectCache } from './runtime/cache.ts';
import type { Clock } from './runtime/clock.ts';
import { mergeConditions, type NewCondition } from './runtime/conditions.ts';
import { type Outcome, type Reconcile, TerminalError } from './runtime/controller.ts';
import type { EventRecorder } from './runtime/events.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './runtime/finalizers.ts';
import { keyOf } from './runtime/kubernetes-object.ts';
import type { ResourceClient } from './runtime/resource-client.ts';
import { writeStatus } from './runtime/status.ts';

/** What is applied together comes in any order; nobody needs to read that one waited for the other for a moment. */
const ORGANIZATION_IS_COMING_MS = 2_000;

export interface EnablementControllerOptions {
  readonly pool: Pool;
  /** Opens every transaction. */
  readonly fence: Fence;
  readonly catalogue: Catalogue;
  readonly enablements: ResourceClient<SchemaEnablement>;
  readonly cache: ObjectCache<SchemaEnablement>;
  readonly organizationCache: ObjectCache<Organization>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly resyncMs: () => number;
  /** The organization's status lists what it may upload. */
  readonly onChanged: (enablement: SchemaEnablement) => void;
  /** Its place is free: another one may be waiting for it. */
  readonly onClosed: (enablement: SchemaEnablement) => void;
}

type Ready = Omit<NewCondition, 'type'>;

/** Brings the gateway to what one SchemaEnablement says. */
export function enablementReconciler(options: EnablementControllerOptions): Reconcile {
  return async (key) => {
    const enablement = options.cache.get(key);
    if (!enablement) return {};
    if (enablement.metadata.deletionTimestamp) return close(options, enablement);
    try {
      return await open(options, enablement);
    } catch (error) {
      const isReported = error instanceof TerminalError || error instanceof NotInChargeError;
      if (!isReported) await reportFailure(options, enablement, error as Error);
      throw error;
    }
  };
}

async function open(options: EnablementControllerOptions, found: SchemaEnablement): Promise<Outcome> {
  const { pool, fence, catalogue, enablements, cache, resyncMs } = options;
  let enablement = found;
  if (!hasFinalizer(found, FINALIZER)) {
    enablement = await addFinalizer(enablements, found, FINALIZER);
    cache.observe(enablement);
  }
  const result = await applyCurrent(enablements, cache, enablement, (revision) =>
    applyEnablement(pool, catalogue, enablement, { ...revision, fence }),
  );
  if (!result) return {};
  if ('waiting' in result && isComing(options, enablement))
    return { requeueAfterMs: ORGANIZATION_IS_COMING_MS };
  if ('changed' in result && (result.changed || readiness(enablement) !== 'True'))
    options.onChanged(enablement);
  await report(options, enablement, explain(enablement, result));
  if ('invalid' in result) throw new TerminalError(result.invalid.join(' '));
  return { requeueAfterMs: resyncMs() };
}

/** Takes the folder away and keeps the rows. A resource that was never reconciled closes nothing. */
async function close(
  { pool, fence, enablements, onChanged, onClosed }: EnablementControllerOptions,
  enablement: SchemaEnablement,
): Promise<Outcome> {
  if (!hasFinalizer(enablement, FINALIZER)) return {};
  const { namespace, name } = enablement.metadata;
  const revision = revisionOf(enablement);
  const { changed } = await removeEnablement(pool, namespace, name, { fence, revision });
  if (changed) onChanged(enablement);
  onClosed(enablement);
  await removeFinalizer(enablements, enablement, FINALIZER);
  return {};
}

/** True when its organization has not been looked at yet, or may be in the same file. */
function isComing(
  { organizationCache, clock }: EnablementControllerOptions,
  { metadata, spec }: SchemaEnablement,
): boolean {
  const organization = organizationCache.get(`${metadata.namespace}/${spec.organizationRef.name}`);
  if (organization && !organization.metadata.deletionTimestamp)
    return organization.status?.observedGeneration === undefined;
  return clock.now().getTime() - Date.parse(metadata.creationTimestamp ?? '') < ORGANIZATION_IS_COMING_MS;
}

function explain({ spec }: SchemaEnablement, result: ApplyResult): Ready {
  if ('conflict' in result) return { status: 'False', reason: 'Conflict', message: result.conflict };
  if ('waiting' in result)
    return { status: 'False', reason: 'OrganizationNotReady', message: result.waiting };
  if ('invalid' in result) return { status: 'False', reason: 'Invalid', message: result.invalid.join(' ') };
  const message = `Files are taken in ${folderOf(spec)} and by HTTP with schemaType=${spec.schemaType}.`;
  return { status: 'True', reason: 'Applied', message };
}

async function report(
  { enablements, cache, events, clock }: EnablementControllerOptions,
  enablement: SchemaEnablement,
  ready: Ready,
): Promise<void> {
  const { metadata, spec, status: before } = enablement;
  const { generation = 0 } = metadata;
  const status: SchemaEnablementStatus = {
    observedGeneration: generation,
    conditions: mergeConditions(before?.conditions, [{ type: 'Ready', ...ready }], generation, clock.now()),
    ...(ready.status === 'True' ? { folder: folderOf(spec) } : {}),
  };
  const written = await writeStatus(enablements, cache, enablement, status);
  if (!written || ready.status === 'True') return;
  events.record(enablement, { type: 'Warning', reason: ready.reason, action: 'Apply', note: ready.message });
}

async function reportFailure(
  options: EnablementControllerOptions,
  { metadata }: SchemaEnablement,
  error: Error,
): Promise<void> {
  const enablement = options.cache.get(keyOf({ metadata }));
  const observed = enablement?.status?.observedGeneration === metadata.generation;
  if (!enablement || (observed && readiness(enablement) === 'True')) return;
  const ready: Ready = { status: 'Unknown', reason: 'Failed', message: explainFailure(error) };
  await report(options, enablement, ready).catch(() => undefined);
}

function readiness({ status }: SchemaEnablement): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

function folderOf({ schemaType }: SchemaEnablement['spec']): string {
  return `/${schemaType}`;
}
