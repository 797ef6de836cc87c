import { OutdatedError, type ResourceRevision, type WriteContext } from '../tenancy/write-context.ts';
import type { ObjectCache } from './runtime/cache.ts';
import type { KubernetesObject } from './runtime/kubernetes-object.ts';
import type { ResourceClient } from './runtime/resource-client.ts';

export function revisionOf({ metadata }: KubernetesObject): ResourceRevision {
  return { uid: metadata.uid, generation: metadata.generation ?? 0 };
}

/**
 * Applies what was seen of an object. When the database was written from a later generation, the API server is asked:
 * either this process was behind, and resolves to undefined once it has caught up, or the cluster was restored from a
 * backup, and its word counts.
 */
export async function applyCurrent<Result, T extends KubernetesObject>(
  client: ResourceClient<T>,
  cache: ObjectCache<T>,
  object: T,
  apply: (context: WriteContext) => Promise<Result>,
): Promise<Result | undefined> {
  const revision = revisionOf(object);
  try {
    return await apply({ revision });
  } catch (error) {
    if (!(error instanceof OutdatedError)) throw error;
    const current = await client.find(object.metadata.namespace, object.metadata.name);
    const same = current && revisionOf(current);
    if (same?.uid === revision.uid && same.generation === revision.generation)
      return apply({ revision, evenIfOlder: true });
    // The watch brings what is new, or that it is gone; what is here already saves the wait.
    if (current) cache.observe(current);
    return undefined;
  }
}
