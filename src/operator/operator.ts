import type { Pool } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Caches, createCaches } from './caches.ts';
import { Charge } from './charge.ts';
import { enablementReconciler } from './enablement-controller.ts';
import { FIELD_MANAGER } from './kinds.ts';
import { countResources, type OperatorMetrics } from './operator-metrics.ts';
import { organizationReconciler } from './organization-controller.ts';
import { linkQueues } from './queue-links.ts';
import { createClients, createReflectors } from './reflectors.ts';
import { type ApiClient, guardWrites } from './runtime/api-client.ts';
import { type Clock, systemClock } from './runtime/clock.ts';
import { createEventRecorder } from './runtime/events.ts';
import { LeaderElection } from './runtime/leader-election.ts';
import { createLeaseStore } from './runtime/lease-store.ts';
import { Manager } from './runtime/manager.ts';
import { WorkQueue } from './runtime/work-queue.ts';
import { startSweep, startUsageFeed } from './upkeep.ts';

const LEASE = 'piing-operator';
/** A database that was away for an hour is used again within half a minute. */
const MAX_BACKOFF_MS = 30_000;

export interface OperatorOptions {
  readonly api: ApiClient;
  readonly pool: Pool;
  readonly catalogue: Catalogue;
  readonly logger: Logger;
  readonly metrics: OperatorMetrics;
  /** Different for every process. */
  readonly identity: string;
  /** Where the Lease is. */
  readonly leaseNamespace: string;
  /** How long a leader that says nothing is still the leader, in milliseconds; default 15 s. */
  readonly leaseDurationMs?: number;
  /** Undefined: all. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly workers: number;
  readonly resyncMs: number;
  readonly clock?: Clock;
  /** The process has to end: see `ManagerOptions`. */
  readonly onLost: () => void;
}

export interface Operator {
  /** Rejects with a sentence while what it knows of the cluster is out of date, or another install keeps it away. */
  check(): Promise<void>;
  /** Resolves when everything has been read once. */
  synced(): Promise<void>;
  /** Lets what is being worked on finish. */
  close(): Promise<void>;
}

/** Reads Organizations and SchemaEnablements and, while it leads, brings the gateway to what they say. */
export function startOperator(options: OperatorOptions): Operator {
  const { logger, metrics, clock = systemClock } = options;
  const election = createElection({ ...options, clock });
  metrics.leading.set({ name: LEASE }, 0);
  const parts = assemble({ ...options, clock }, election);
  const manager = new Manager({
    ...parts,
    election,
    clock,
    logger,
    onLeading: async (signal) => {
      metrics.leading.set({ name: LEASE }, 1);
      await parts.onLeading(signal);
    },
    onLost: options.onLost,
  });
  manager.start();
  return {
    check: async () => {
      await manager.check();
      if (parts.charge.problem) throw new Error(parts.charge.problem);
    },
    synced: () => manager.synced(),
    close: async () => {
      await manager.stop();
      await parts.events.flush();
    },
  };
}

/** client-go's proportions: 15 s, 10 s to renew, a try every 2 s, each with 4 s for an answer. */
function createElection(options: OperatorOptions & { readonly clock: Clock }): LeaderElection {
  const { api, leaseNamespace, leaseDurationMs = 15_000 } = options;
  const renewDeadlineMs = (leaseDurationMs * 2) / 3;
  return new LeaderElection({
    ...options,
    store: createLeaseStore(api, leaseNamespace, LEASE, renewDeadlineMs * 0.4),
    leaseDurationMs,
    renewDeadlineMs,
    retryPeriodMs: renewDeadlineMs / 5,
  });
}

function assemble(options: OperatorOptions & { readonly clock: Clock }, election: LeaderElection) {
  const { clock, logger, metrics, workers, pool } = options;
  const api = guardWrites(options.api, () => election.isLeader);
  const clients = createClients(api);
  const caches = createCaches();
  countResources(caches, metrics);
  const charge = takeCharge(options, election, caches);
  const newQueue = (name: string) =>
    new WorkQueue({ clock, observer: metrics.queue(name), maxBackoffMs: MAX_BACKOFF_MS });
  const queues = { organization: newQueue('organization'), enablement: newQueue('schemaenablement') };
  const links = linkQueues(caches, queues);
  const events = createEventRecorder({
    api,
    controller: `piing.ai/${FIELD_MANAGER}`,
    instance: options.identity,
    clock,
    logger,
  });
  // Spread, so that what was applied together is not compared together for ever.
  const resyncMs = () => options.resyncMs * (0.9 + 0.2 * Math.random());
  const common = { ...options, ...clients, events, resyncMs, fence: charge.fence };
  const reconcilers = {
    organization: organizationReconciler({
      ...common,
      cache: caches.organizations,
      secretCache: caches.secrets,
      onChanged: links.organizationChanged,
    }),
    schemaenablement: enablementReconciler({
      ...common,
      cache: caches.enablements,
      organizationCache: caches.organizations,
      onChanged: links.enablementChanged,
      onClosed: links.enablementClosed,
    }),
  };
  const controller = (name: keyof typeof reconcilers, queue: WorkQueue) => ({
    name,
    queue,
    reconcile: reconcilers[name],
    workers,
    observer: metrics.controller(name, workers),
  });
  return {
    charge,
    events,
    reflectors: createReflectors(clients, caches, options),
    controllers: [
      controller('organization', queues.organization),
      controller('schemaenablement', queues.enablement),
    ],
    onLeading: async (signal: AbortSignal) => {
      await charge.take(signal);
      if (signal.aborted) return;
      startUsageFeed({ pool, clock, logger, signal, onUsed: (key) => queues.organization.add(key) });
      startSweep({ ...options, caches, signal, fence: charge.fence });
    },
  };
}

function takeCharge(
  options: OperatorOptions & { readonly clock: Clock },
  election: LeaderElection,
  { organizations }: Caches,
): Charge {
  return new Charge({
    ...options,
    id: () => election.leaseUid ?? '',
    namespaces: options.watchNamespaces ?? null,
    host: options.identity,
    resourceUids: () =>
      [...organizations.keys()].flatMap((key) => organizations.get(key)?.metadata.uid ?? []),
    mayAsk: () => election.isLeader,
    onRefused: (refused) => options.metrics.refused.set(refused ? 1 : 0),
  });
}
