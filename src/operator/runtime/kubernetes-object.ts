/** The parts of `metadata` that controllers look at. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** A namespaced object as the API server has it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** `namespace/name`: one entry of a cache or of a work queue. */
export type ObjectKey = string;

export function keyOf({ metadata }: Pick<KubernetesObject, 'metadata'>): ObjectKey {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Resource versions of one resource are numbers that grow (KEP-5504). */
export function isNewer(object: KubernetesObject, than: KubernetesObject): boolean {
  return BigInt(object.metadata.resourceVersion) > BigInt(than.metadata.resourceVersion);
}

/** A group, version and plural: what stands in the path of a request. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

export function apiVersionOf({ group, version }: ResourceType): string {
  return group ? `${group}/${version}` : version;
}

/** @param namespace undefined: all of them */
export function pathOf(type: ResourceType, namespace: string | undefined, name?: string): string {
  const root = type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`;
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    type.plural,
    ...(name ? [name] : []),
  ];
  return [root, ...parts.map(encodeURIComponent)].join('/');
}

/** They are half of every object, and nobody here reads them. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  const { managedFields, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
