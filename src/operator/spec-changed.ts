import type { KubernetesObject } from './runtime/kubernetes-object.ts';

/**
 * True when somebody wants something else than before. What the operator itself writes (status, finalizer) does not
 * count, or each of its writes would be answered by another look.
 */
export function specChanged(before: KubernetesObject | undefined, after: KubernetesObject): boolean {
  if (!before || before.metadata.uid !== after.metadata.uid) return true;
  return (
    before.metadata.generation !== after.metadata.generation ||
    before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp ||
    lostFinalizer(before, after)
  );
}

function lostFinalizer(before: KubernetesObject, after: KubernetesObject): boolean {
  return (before.metadata.finalizers ?? []).some((name) => !after.metadata.finalizers?.includes(name));
}
