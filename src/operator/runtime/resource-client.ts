import type { ApiClient, WatchEvent } from './api-client.ts';
import {
  apiVersionOf,
  type KubernetesObject,
  pathOf,
  type ResourceType,
  withoutManagedFields,
} from './kubernetes-object.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** For the next page; absent on the last. */
  readonly next?: string;
}

export interface ListQuery {
  readonly limit?: number;
  readonly next?: string;
}

export interface WatchQuery {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

/** What a reflector reads: one resource in one namespace or in all, perhaps by a label. */
export interface ListWatch<T> {
  list(query: ListQuery): Promise<Page<T>>;
  watch(query: WatchQuery, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

/** Only this very object, perhaps only as it was seen. */
export interface Precondition {
  readonly uid: string;
  readonly resourceVersion?: string;
}

/** Reads and writes objects of one type. Every method may throw an `ApiError`. */
export interface ResourceClient<T extends KubernetesObject> {
  readonly type: ResourceType;
  /** Undefined: all. */
  listWatch(scope: {
    readonly namespace: string | undefined;
    readonly labelSelector: string | undefined;
  }): ListWatch<T>;
  get(namespace: string, name: string): Promise<T>;
  /** By a list, which needs the right to list only; undefined when there is none. As the API server has it now. */
  find(namespace: string, name: string): Promise<T | undefined>;
  create(namespace: string, object: unknown): Promise<T>;
  replace(namespace: string, name: string, object: unknown): Promise<T>;
  /** Server-side apply: what `object` says, and nothing else, is this manager's. */
  apply(
    namespace: string,
    name: string,
    object: Readonly<Record<string, unknown>>,
    part?: 'status',
  ): Promise<T>;
  /** RFC 6902. */
  jsonPatch(namespace: string, name: string, operations: readonly JsonPatchOperation[]): Promise<T>;
  delete(namespace: string, name: string, only: Precondition): Promise<void>;
}

interface RawList<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

export function createResourceClient<T extends KubernetesObject>(
  api: ApiClient,
  type: ResourceType,
  fieldManager: string,
): ResourceClient<T> {
  const identity = { apiVersion: apiVersionOf(type), kind: type.kind };
  return {
    type,
    listWatch: ({ namespace, labelSelector }) => {
      const path = pathOf(type, namespace);
      return {
        list: async ({ limit, next }) => {
          const query = { limit, continue: next, labelSelector };
          const { items, metadata } = await api.request<RawList<T>>({ method: 'GET', path, query });
          return {
            // Items of a list come without these two.
            items: items.map((item) => ({ ...item, ...identity })),
            resourceVersion: metadata.resourceVersion,
            ...(metadata.continue ? { next: metadata.continue } : {}),
          };
        },
        watch: (query, onEvent, signal) =>
          api.watch(path, { ...query, allowWatchBookmarks: true, labelSelector }, onEvent, signal),
      };
    },
    get: (namespace, name) => api.request({ method: 'GET', path: pathOf(type, namespace, name) }),
    find: async (namespace, name) => {
      const query = { fieldSelector: `metadata.name=${name}` };
      const { items } = await api.request<RawList<T>>({
        method: 'GET',
        path: pathOf(type, namespace),
        query,
      });
      return items[0] && withoutManagedFields({ ...items[0], ...identity });
    },
    create: (namespace, object) =>
      api.request({
        method: 'POST',
        path: pathOf(type, namespace),
        query: { fieldManager },
        body: { ...identity, ...(object as object) },
      }),
    replace: (namespace, name, object) =>
      api.request({
        method: 'PUT',
        path: pathOf(type, namespace, name),
        query: { fieldManager },
        body: object,
      }),
    apply: (namespace, name, object, part) =>
      api.request({
        method: 'PATCH',
        path: pathOf(type, namespace, name) + (part ? `/${part}` : ''),
        query: { fieldManager, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...identity, ...object },
      }),
    jsonPatch: (namespace, name, operations) =>
      api.request({
        method: 'PATCH',
        path: pathOf(type, namespace, name),
        query: { fieldManager },
        contentType: 'application/json-patch+json',
        body: operations,
      }),
    delete: async (namespace, name, preconditions) => {
      const path = pathOf(type, namespace, name);
      await api.request({ method: 'DELETE', path, body: { preconditions } });
    },
  };
}
