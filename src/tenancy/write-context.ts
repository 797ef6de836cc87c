import type { PoolClient } from '../database/pool.ts';

/** Called first in every transaction; throws when this process may not write any more. */
export type Fence = (client: PoolClient) => Promise<void>;

/** The state of a Kubernetes resource that is applied. */
export interface ResourceRevision {
  readonly uid: string;
  readonly generation: number;
}

/** Who writes, and from which state of a resource. Default: nobody has to ask, and files have no such state. */
export interface WriteContext {
  readonly fence?: Fence | undefined;
  readonly revision?: ResourceRevision | undefined;
  /**
   * Also when the database was written from a later generation of the same resource: the cluster itself was restored
   * from a backup.
   */
  readonly evenIfOlder?: boolean | undefined;
}

/** A later generation of the resource has been applied. Nothing was changed. */
export class OutdatedError extends Error {
  override readonly name = 'OutdatedError';

  constructor(resource: string, applied: number) {
    super(`${resource} has been applied in generation ${applied}, which is later than this one.`);
  }
}

/** What an `INSERT … ON CONFLICT` compares and writes: UID, generation, whether an older one is taken. */
export function revisionParameters({ revision, evenIfOlder = false }: WriteContext): unknown[] {
  return [revision?.uid ?? null, revision?.generation ?? null, evenIfOlder];
}

/** @throws {OutdatedError} when a row was written from a later generation of the same resource */
export function expectCurrent(
  row: { readonly resource_uid: string | null; readonly resource_generation: number | null },
  resource: string,
  { revision, evenIfOlder }: WriteContext,
): void {
  if (!revision || evenIfOlder || row.resource_uid !== revision.uid) return;
  const applied = row.resource_generation ?? 0;
  if (applied > revision.generation) throw new OutdatedError(resource, applied);
}
