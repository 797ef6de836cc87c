import { pino } from 'pino';
import { type Caches, createCaches } from '../../src/operator/caches.ts';
import type { Organization, SchemaEnablement } from '../../src/operator/kinds.ts';
import { type Clients, createClients, createReflectors } from '../../src/operator/reflectors.ts';
import { createApiClient } from '../../src/operator/runtime/api-client.ts';
import { systemClock } from '../../src/operator/runtime/clock.ts';
import { type ControlPlane, loadKubeconfig } from '../../test/support/control-plane.ts';

/** Sees the cluster as an administrator does, by watching. */
export interface ObservedCluster {
  readonly clients: Clients;
  readonly caches: Caches;
  /** Resolves when so many resources are Ready. */
  allReady(count: number): Promise<void>;
  close(): void;
}

export async function observeCluster(plane: ControlPlane): Promise<ObservedCluster> {
  const api = createApiClient({ config: loadKubeconfig(plane.kubeconfig), userAgent: 'piing-bench' });
  const clients = createClients(api);
  const caches = createCaches();
  const ready = new Set<string>();
  let onReady = () => {};
  const watch = (_: unknown, after: Organization | SchemaEnablement | undefined) => {
    if (!after || !isReady(after)) return;
    ready.add(after.metadata.uid);
    onReady();
  };
  caches.organizations.onChange(watch);
  caches.enablements.onChange(watch);
  const stopping = new AbortController();
  const logger = pino({ level: 'warn' });
  const reflectors = createReflectors(clients, caches, {
    watchNamespaces: undefined,
    clock: systemClock,
    logger,
  });
  for (const reflector of reflectors) void reflector.run(stopping.signal);
  await Promise.all(reflectors.map(({ synced }) => synced));
  return {
    clients,
    caches,
    allReady: (count) =>
      new Promise((resolve) => {
        onReady = () => {
          if (ready.size >= count) resolve();
        };
        onReady();
      }),
    close: () => stopping.abort(),
  };
}

function isReady({ status }: Organization | SchemaEnablement): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;
}
