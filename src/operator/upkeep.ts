import type { Pool } from '../database/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import { findUsedOrganizations } from '../tenancy/organization-report.ts';
import { removeVanished } from '../tenancy/remove-vanished.ts';
import type { Fence } from '../tenancy/write-context.ts';
import type { Caches } from './caches.ts';
import { type Clock, sleep } from './runtime/clock.ts';
import type { ObjectKey } from './runtime/kubernetes-object.ts';

const USAGE_INTERVAL_MS = 60_000;
/** Looks back further than to the last look, for what was committed late. */
const USAGE_OVERLAP_MS = 30_000;

/** Tells once a minute which organizations have logged in or uploaded since. */
export function startUsageFeed(options: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onUsed: (key: ObjectKey) => void;
}): void {
  const { pool, clock, logger, signal, onUsed } = options;
  let lookedAt = clock.monotonic();
  everyNow(clock, signal, USAGE_INTERVAL_MS, async () => {
    const now = clock.monotonic();
    try {
      const used = await findUsedOrganizations(pool, now - lookedAt + USAGE_OVERLAP_MS);
      for (const { namespace, name } of used) onUsed(`${namespace}/${name}`);
      lookedAt = now;
    } catch (error) {
      logger.warn({ err: error }, 'usage could not be read; trying again in a minute');
    }
  });
}

/** Closes doors whose resources went without the operator being told: somebody removed the finalizer by hand. */
export function startSweep(options: {
  readonly pool: Pool;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly resyncMs: number;
  readonly watchNamespaces: readonly string[] | undefined;
  readonly fence: Fence;
}): void {
  const { pool, caches, clock, logger, signal, resyncMs, watchNamespaces, fence } = options;
  const sweep = async () => {
    const isThere = (resource: string) => {
      const [kind, key = ''] = resource.split(' ');
      return (kind === 'Organization' ? caches.organizations : caches.enablements).get(key) !== undefined;
    };
    try {
      for (const resource of await removeVanished(pool, isThere, watchNamespaces ?? null, fence))
        logger.warn(
          { resource },
          'removed: its resource is gone, and so is the finalizer that would have told',
        );
    } catch (error) {
      logger.warn({ err: error }, 'the database could not be swept; trying again later');
    }
  };
  void sweep();
  everyNow(clock, signal, resyncMs, sweep);
}

function everyNow(clock: Clock, signal: AbortSignal, ms: number, work: () => Promise<void>): void {
  const run = async () => {
    for (;;) {
      await sleep(clock, ms, signal);
      if (signal.aborted) return;
      await work();
    }
  };
  void run();
}
