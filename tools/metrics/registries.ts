import type { Registry } from 'prom-client';
import { HTTP_LIMIT_NAMES } from '../../src/api/limits.ts';
import { LimitReport } from '../../src/gateway/limit-report.ts';
import { IntakeCounts } from '../../src/intake/intake-counts.ts';
import { createOperatorMetrics } from '../../src/operator/operator-metrics.ts';
import { RETENTION_KINDS } from '../../src/retention/steps.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { DELIVERY_FAULTS } from '../../src/webhooks/delivery-error.ts';

export const ROLES = ['gateway', 'api', 'worker', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** Stands for the catalogue's: the page is not to change with each new schema type. */
const ANY_TYPE = ['SCHEMA_TYPE'];

/** What each role registers when it starts, without the rest of the role. */
export function registries(): Readonly<Record<Role, Registry>> {
  const gateway = createMetrics({ role: 'gateway', organizations: 1, schemaTypes: ANY_TYPE });
  const api = createMetrics({ role: 'api', organizations: 1, schemaTypes: ANY_TYPE });
  const worker = createMetrics({ role: 'worker', organizations: 1, schemaTypes: ANY_TYPE });
  for (const metrics of [gateway, api]) new IntakeCounts(metrics);
  new LimitReport(gateway);
  for (const kind of RETENTION_KINDS) worker.retentionRemoved.inc({ kind }, 0);
  for (const result of ['DELIVERED', ...DELIVERY_FAULTS]) worker.webhookAttempts.inc({ result }, 0);
  for (const limit of HTTP_LIMIT_NAMES) api.httpLimits.inc({ limit }, 0);
  return {
    gateway: gateway.registry,
    api: api.registry,
    worker: worker.registry,
    operator: operatorRegistry(),
  };
}

function operatorRegistry(): Registry {
  const registry = createRegistry('operator');
  const metrics = createOperatorMetrics(registry);
  for (const name of ['organization', 'schemaenablement']) {
    metrics.queue(name);
    metrics.controller(name, 1);
  }
  return registry;
}
