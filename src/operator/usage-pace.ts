import { isDeepStrictEqual } from 'node:util';
import type { OrganizationStatus } from '../tenancy/resources.ts';
import type { ObjectKey } from './runtime/kubernetes-object.ts';

const USAGE_INTERVAL_MS = 60_000;

/** Lets usage into a status at most once a minute; anything else goes there at once, and takes usage along. */
export class UsagePace {
  readonly #writtenAt = new Map<ObjectKey, number>();
  readonly #monotonic: () => number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Milliseconds that a status which differs in nothing but usage still has to wait; 0: write it. */
  waitMs(key: ObjectKey, before: OrganizationStatus | undefined, after: OrganizationStatus): number {
    if (isDeepStrictEqual(usageOf(before), usageOf(after))) return 0;
    if (!isDeepStrictEqual(withoutUsage(before), withoutUsage(after))) return 0;
    const last = this.#writtenAt.get(key) ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, last + USAGE_INTERVAL_MS - this.#monotonic());
  }

  /** Call it after a status has been written. */
  written(key: ObjectKey, before: OrganizationStatus | undefined, after: OrganizationStatus): void {
    if (!isDeepStrictEqual(usageOf(before), usageOf(after))) this.#writtenAt.set(key, this.#monotonic());
  }

  forget(key: ObjectKey): void {
    this.#writtenAt.delete(key);
  }
}

function usageOf({ lastUploadTime, credentials = [] }: OrganizationStatus = {}): unknown {
  const used = credentials.filter(({ lastUsedAt }) => lastUsedAt !== undefined);
  return { lastUploadTime, logins: used.map(({ name, lastUsedAt }) => [name, lastUsedAt]) };
}

function withoutUsage(status: OrganizationStatus = {}): OrganizationStatus {
  const { lastUploadTime, credentials, ...rest } = status;
  return { ...rest, credentials: credentials?.map(({ lastUsedAt, ...others }) => others) ?? [] };
}
