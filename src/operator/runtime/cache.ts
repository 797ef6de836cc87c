import { isNewer, type KubernetesObject, keyOf, type ObjectKey } from './kubernetes-object.ts';

/** Called after the cache has changed. `before` undefined: new; `after` undefined: gone. */
export type CacheListener<T> = (before: T | undefined, after: T | undefined) => void;

/** Values under which an object is found. */
export type IndexOf<T> = (object: T) => readonly string[];

/** What is known of one resource type. Fed by reflectors, read by controllers. */
export class ObjectCache<T extends KubernetesObject> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<
    string,
    { readonly valuesOf: IndexOf<T>; readonly keys: Map<string, Set<ObjectKey>> }
  >();
  readonly #listeners: CacheListener<T>[] = [];

  constructor(indexes: Readonly<Record<string, IndexOf<T>>> = {}) {
    for (const [name, valuesOf] of Object.entries(indexes))
      this.#indexes.set(name, { valuesOf, keys: new Map() });
  }

  onChange(listener: CacheListener<T>): void {
    this.#listeners.push(listener);
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<ObjectKey> {
    return this.#objects.keys();
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The objects that an index has under a value. */
  find(index: string, value: string): T[] {
    const keys = this.#indexes.get(index)?.keys.get(value) ?? [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Takes a complete list: what is not in it, within the namespace or in all of them, is gone. */
  replace(objects: readonly T[], namespace: string | undefined): void {
    const listed = new Set(objects.map(keyOf));
    for (const key of [...this.#objects.keys()]) {
      const within = namespace === undefined || key.startsWith(`${namespace}/`);
      if (within && !listed.has(key)) this.remove(key);
    }
    // Also what is older: a cluster restored from a backup counts from an earlier number.
    for (const object of objects) this.#put(object);
  }

  /** Takes an object that a watch reported. */
  upsert(object: T): void {
    const known = this.#objects.get(keyOf(object));
    if (known && known.metadata.uid === object.metadata.uid && isNewer(known, object)) return;
    this.#put(object);
  }

  /**
   * Takes the answer to a write, so that the next look does not see the state before it. Never brings back an
   * object that has gone meanwhile.
   */
  observe(object: T): void {
    if (this.#objects.get(keyOf(object))?.metadata.uid === object.metadata.uid) this.upsert(object);
  }

  remove(key: ObjectKey): void {
    const before = this.#objects.get(key);
    if (!before) return;
    this.#objects.delete(key);
    this.#reindex(key, before, undefined);
    this.#tell(before, undefined);
  }

  #put(object: T): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(key, object);
    this.#reindex(key, before, object);
    this.#tell(before, object);
  }

  #reindex(key: ObjectKey, before: T | undefined, after: T | undefined): void {
    for (const { valuesOf, keys } of this.#indexes.values()) {
      for (const value of before ? valuesOf(before) : []) {
        const set = keys.get(value);
        set?.delete(key);
        if (set?.size === 0) keys.delete(value);
      }
      for (const value of after ? valuesOf(after) : []) {
        const set = keys.get(value) ?? new Set();
        keys.set(value, set.add(key));
      }
    }
  }

  #tell(before: T | undefined, after: T | undefined): void {
    for (const listener of this.#listeners) listener(before, after);
  }
}
