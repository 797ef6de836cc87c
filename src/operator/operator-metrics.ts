import { Gauge, type Registry } from 'prom-client';
import type { Caches } from './caches.ts';
import type { Organization, SchemaEnablement } from './kinds.ts';
import type { ObjectCache } from './runtime/cache.ts';
import { createRuntimeMetrics, type RuntimeMetrics } from './runtime/metrics.ts';

const READINESS = ['true', 'false', 'unknown'] as const;
type Readiness = (typeof READINESS)[number];

/** What the operator tells of itself, besides the names that all operators have. */
export interface OperatorMetrics extends RuntimeMetrics {
  /** By kind, and by the status of the condition Ready as kube-state-metrics writes it. */
  readonly resources: Gauge<'kind' | 'ready'>;
  readonly refused: Gauge;
}

export function createOperatorMetrics(registry: Registry): OperatorMetrics {
  const registers = [registry];
  const resources = new Gauge({
    name: 'piing_operator_resources',
    help: 'Resources by the status of their condition Ready. Each replica counts all of them.',
    labelNames: ['kind', 'ready'],
    registers,
  });
  for (const kind of ['Organization', 'SchemaEnablement'])
    for (const ready of READINESS) resources.set({ kind, ready }, 0);
  const refused = new Gauge({
    name: 'piing_operator_refused',
    help: '1 while another install is in charge of the same namespaces in the database, and this one does nothing',
    registers,
  });
  return { ...createRuntimeMetrics(registry), resources, refused };
}

/** Keeps the number of resources up to date. */
export function countResources(caches: Caches, { resources }: OperatorMetrics): void {
  const count = <T extends Organization | SchemaEnablement>(kind: T['kind'], cache: ObjectCache<T>) =>
    cache.onChange((before, after) => {
      if (before) resources.dec({ kind, ready: readinessOf(before) });
      if (after) resources.inc({ kind, ready: readinessOf(after) });
    });
  count('Organization', caches.organizations);
  count('SchemaEnablement', caches.enablements);
}

function readinessOf({ status }: Organization | SchemaEnablement): Readiness {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  if (ready === 'True') return 'true';
  return ready === 'False' ? 'false' : 'unknown';
}
