import type { KubernetesObject } from '../../../src/operator/runtime/kubernetes-object.ts';

export interface TestObject extends KubernetesObject {
  readonly spec: { readonly colour: string };
}

export function object(name: string, version: number, colour = 'red', namespace = 'default'): TestObject {
  return {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: String(version) },
    spec: { colour },
  };
}
