import { isDeepStrictEqual } from 'node:util';
import type { ObjectCache } from './cache.ts';
import { type KubernetesObject, keyOf } from './kubernetes-object.ts';
import type { ResourceClient } from './resource-client.ts';

export interface WithStatus<Status> extends KubernetesObject {
  readonly status?: Status;
}

/** Writes a status, and only when it differs from what the API server has. Resolves to whether it did. */
export async function writeStatus<Status, T extends WithStatus<Status>>(
  client: ResourceClient<T>,
  cache: ObjectCache<T>,
  object: T,
  status: Status,
): Promise<boolean> {
  const { namespace, name, uid } = object.metadata;
  const known = cache.get(keyOf(object)) ?? object;
  if (known.metadata.uid !== uid || isDeepStrictEqual(known.status, status)) return false;
  cache.observe(
    await client.apply(namespace, name, { metadata: { name, namespace, uid }, status }, 'status'),
  );
  return true;
}
