import type { Caches } from './caches.ts';
import {
  FIELD_MANAGER,
  ORGANIZATION_LABEL,
  ORGANIZATIONS,
  type Organization,
  SCHEMA_ENABLEMENTS,
  type SchemaEnablement,
  SECRETS,
  type Secret,
} from './kinds.ts';
import type { ApiClient } from './runtime/api-client.ts';
import type { ObjectCache } from './runtime/cache.ts';
import type { Clock } from './runtime/clock.ts';
import type { KubernetesObject } from './runtime/kubernetes-object.ts';
import type { Logger } from './runtime/logger.ts';
import { type ReadsContinuously, Reflector } from './runtime/reflector.ts';
import { createResourceClient, type ResourceClient } from './runtime/resource-client.ts';

export interface Clients {
  readonly organizations: ResourceClient<Organization>;
  readonly enablements: ResourceClient<SchemaEnablement>;
  readonly secrets: ResourceClient<Secret>;
}

export function createClients(api: ApiClient): Clients {
  return {
    organizations: createResourceClient(api, ORGANIZATIONS, FIELD_MANAGER),
    enablements: createResourceClient(api, SCHEMA_ENABLEMENTS, FIELD_MANAGER),
    secrets: createResourceClient(api, SECRETS, FIELD_MANAGER),
  };
}

/** What keeps the caches up to date: one reflector for each kind and namespace. */
export function createReflectors(
  clients: Clients,
  caches: Caches,
  options: {
    /** Undefined: all. */
    readonly watchNamespaces: readonly string[] | undefined;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): ReadsContinuously[] {
  const { watchNamespaces, clock, logger } = options;
  const reflect = <T extends KubernetesObject>(
    client: ResourceClient<T>,
    cache: ObjectCache<T>,
    { labelSelector, trim }: { readonly labelSelector?: string; readonly trim?: (object: T) => T } = {},
  ) =>
    (watchNamespaces ?? [undefined]).map(
      (namespace) =>
        new Reflector<T>({
          name: client.type.plural,
          source: client.listWatch({ namespace, labelSelector }),
          cache,
          namespace,
          clock,
          logger,
          trim,
        }),
    );
  return [
    ...reflect(clients.organizations, caches.organizations),
    ...reflect(clients.enablements, caches.enablements),
    ...reflect(clients.secrets, caches.secrets, { labelSelector: ORGANIZATION_LABEL, trim: withoutData }),
  ];
}

/** Secrets do not lie about in memory: what is needed of one is read when it is needed. */
function withoutData({ data, ...secret }: Secret): Secret {
  return secret;
}
