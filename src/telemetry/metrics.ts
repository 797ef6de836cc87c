import type { Registry } from 'prom-client';
import { type Definer, definer } from './metrics/define.ts';
import { type HttpMetrics, httpMetrics, type SftpMetrics, sftpMetrics } from './metrics/doors.ts';
import { type IntakeMetrics, intakeMetrics } from './metrics/intake.ts';
import { type OrganizationMetrics, organizationMetrics } from './metrics/organizations.ts';
import { type StoreMetrics, storeMetrics } from './metrics/stores.ts';
import {
  type PipelineMetrics,
  pipelineMetrics,
  type QueueMetrics,
  queueMetrics,
  type UpkeepMetrics,
  upkeepMetrics,
  type WebhookMetrics,
  webhookMetrics,
} from './metrics/worker.ts';
import { createRegistry } from './registry.ts';

/** Processes that move files. The operator has metrics of its own, and commands of administrators show none. */
type Role = 'gateway' | 'api' | 'worker';

/** Every metric of the gateway, in one registry of its own so that tests and roles do not share state. */
export interface Metrics
  extends IntakeMetrics,
    SftpMetrics,
    HttpMetrics,
    StoreMetrics,
    QueueMetrics,
    PipelineMetrics,
    WebhookMetrics,
    UpkeepMetrics {
  readonly registry: Registry;
  readonly organizations: OrganizationMetrics;
}

export interface MetricsOptions {
  /** Shows the metrics of this role's stages only. Default: `standalone`, which has all. */
  readonly role?: string;
  /** Those of the catalogue, whose series start at 0. */
  readonly schemaTypes?: readonly string[];
  /** How many organizations have series of their own. Default: none. */
  readonly organizations?: number;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const { role = 'standalone', schemaTypes = [], organizations = 0 } = options;
  const registry = createRegistry(role);
  const of = (...roles: Role[]): Definer =>
    definer(registry, role === 'standalone' || roles.some((each) => each === role));
  const worker = of('worker');
  return {
    registry,
    ...storeMetrics(of('gateway', 'api', 'worker')),
    ...intakeMetrics(of('gateway', 'api'), schemaTypes),
    ...sftpMetrics(of('gateway')),
    ...httpMetrics(of('api')),
    ...queueMetrics(worker),
    ...pipelineMetrics(worker, schemaTypes),
    ...webhookMetrics(worker),
    ...upkeepMetrics(worker),
    organizations: organizationMetrics(of('gateway', 'api', 'worker'), organizations),
  };
}
