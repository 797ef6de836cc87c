import { Registry } from 'prom-client';
import type { Operator } from '../../src/operator/operator.ts';
import type { AuditEntry } from '../support/control-plane.ts';
import { stopAtEnd } from '../support/servers.ts';
import { enablement, newCluster, organization } from './fixture.ts';

/** Everything is compared four times within a minute. */
const RESYNC_MS = 15_000;

/** An operator with resources in every condition, which nobody touches from a moment on. */
export interface LeftAlone {
  readonly operator: Operator;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Of this operator. */
  requests(): Promise<AuditEntry[]>;
  /** How often it has compared a resource since then. */
  comparisons(): Promise<number>;
}

let shared: Promise<LeftAlone> | undefined;

/** Asked for by the first suite already, so that its minute passes while others run. */
export function leftAlone(): Promise<LeftAlone> {
  shared ??= start();
  return shared;
}

async function start(): Promise<LeftAlone> {
  const cluster = await newCluster('left-alone');
  stopAtEnd(() => cluster.close());
  const registry = new Registry();
  const operator = await cluster.startOperator({ resyncMs: RESYNC_MS, registry });
  const broken = enablement('broken', 'quiet', 'orgNothing');
  await cluster.apply(organization('quiet'), organization('empty', { credentials: [] }), broken);
  await cluster.apply(enablement('quiet-shifts', 'quiet'), enablement('lonely', 'nobody'));
  for (const name of ['quiet', 'empty']) await cluster.untilReady('org', name);
  await cluster.untilReady('se', 'quiet-shifts');
  await cluster.untilReady('se', 'broken', 'Invalid');
  await cluster.untilReady('se', 'lonely', 'OrganizationNotReady');
  const user = `system:serviceaccount:${cluster.namespace}:piing-operator`;
  const compared = async () => {
    const metrics = await registry.metrics();
    const counts = metrics.matchAll(/^controller_runtime_reconcile_total\{.*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await compared();
  return {
    operator,
    // What has just been applied may be looked at once more.
    since: Date.now() + 2_000,
    requests: async () => (await cluster.plane.audit()).filter((entry) => entry.user === user),
    comparisons: async () => (await compared()) - before,
  };
}
