import type { KubernetesObject } from './kubernetes-object.ts';
import type { ResourceClient } from './resource-client.ts';

export function hasFinalizer({ metadata }: KubernetesObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false;
}

/** With the UID, so that the apply cannot bring back an object that has been deleted meanwhile. */
export function addFinalizer<T extends KubernetesObject>(
  client: ResourceClient<T>,
  { metadata }: T,
  finalizer: string,
): Promise<T> {
  const { namespace, name, uid } = metadata;
  return client.apply(namespace, name, { metadata: { name, namespace, uid, finalizers: [finalizer] } });
}

/**
 * Also when somebody else has applied the same finalizer: a server-side apply would leave it to them. It is refused
 * when the list of finalizers has changed meanwhile, and only then: somebody who writes all the time cannot keep an
 * object from going.
 */
export async function removeFinalizer<T extends KubernetesObject>(
  client: ResourceClient<T>,
  { metadata }: T,
  finalizer: string,
): Promise<void> {
  const { namespace, name, uid, finalizers = [] } = metadata;
  const path = '/metadata/finalizers';
  await client.jsonPatch(namespace, name, [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path, value: finalizers },
    { op: 'replace', path, value: finalizers.filter((other) => other !== finalizer) },
  ]);
}
