import type { Pool } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createCaches } from './caches.ts';
import { enablementReconciler } from './enablement-controller.ts';
import { FIELD_MANAGER } from './kinds.ts';
import { organizationReconciler } from './organization-controller.ts';
import { linkQueues } from './queue-links.ts';
import { createClients, createReflectors } from './reflectors.ts';
import { type ApiClient, guardWrites } from './runtime/api-client.ts';
import { type Clock, systemClock } from './runtime/clock.ts';
import { createEventRecorder } from './runtime/events.ts';
import { LeaderElection } from './runtime/leader-election.ts';
import { createLeaseStore } from './runtime/lease-store.ts';
import { Manager } from './runtime/manager.ts';
import type { RuntimeMetrics } from './runtime/metrics.ts';
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
  readonly metrics: RuntimeMetrics;
  /** Different for every process. */
  readonly identity: string;
  /** Where the Lease is. */
  readonly leaseNamespace: string;
  /** Undefined: all. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly workers: number;
  readonly resyncMs: number;
  readonly clock?: Clock;
  /** The process has to end: see `ManagerOptions`. */
  readonly onLost: () => void;
}

export interface Operator {
  /** Rejects with a sentence while what it knows of the cluster is out of date. */
  check(): Promise<void>;
  /** Resolves when everything has been read once. */
  synced(): Promise<void>;
  /** Lets what is being worked on finish. */
  close(): Promise<void>;
}

/** Reads Organizations and SchemaEnablements and, while it leads, brings the gateway to what they say. */
export function startOperator(options: OperatorOptions): Operator {
  const { logger, metrics, identity, clock = systemClock } = options;
  const store = createLeaseStore(options.api, options.leaseNamespace, LEASE);
  const election = new LeaderElection({ store, identity, clock, logger });
  metrics.leading.set({ name: LEASE }, 0);
  const parts = assemble({ ...options, clock }, election);
  const manager = new Manager({
    ...parts,
    election,
    clock,
    logger,
    onLeading: (signal) => {
      metrics.leading.set({ name: LEASE }, 1);
      parts.onLeading(signal);
    },
    onLost: options.onLost,
  });
  manager.start();
  return {
    check: () => manager.check(),
    synced: () => manager.synced(),
    close: async () => {
      await manager.stop();
      await parts.events.flush();
    },
  };
}

function assemble(options: OperatorOptions & { readonly clock: Clock }, election: LeaderElection) {
  const { clock, logger, metrics, workers, pool } = options;
  const api = guardWrites(options.api, () => election.isLeader);
  const clients = createClients(api);
  const caches = createCaches();
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
  const common = { ...options, ...clients, events, resyncMs };
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
    events,
    reflectors: createReflectors(clients, caches, options),
    controllers: [
      controller('organization', queues.organization),
      controller('schemaenablement', queues.enablement),
    ],
    onLeading: (signal: AbortSignal) => {
      startUsageFeed({ pool, clock, logger, signal, onUsed: (key) => queues.organization.add(key) });
      startSweep({ ...options, caches, signal });
    },
  };
}
