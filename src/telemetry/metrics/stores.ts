import type { Gauge } from 'prom-client';
import { type Definer, SHORT_BUCKETS } from './define.ts';

export type StoreMetrics = ReturnType<typeof storeMetrics>;

/** What every role stands on: the databases' connections and the raw store. */
export function storeMetrics({ counter, gauge, histogram }: Definer) {
  return {
    databaseConnections: gauge(
      'piing_database_connections',
      'Connections of this process by state; waiting: work that waits for one',
      { database: ['control', 'analytics'], state: ['busy', 'idle', 'waiting'] },
    ),
    storeSeconds: histogram(
      'piing_store_operation_duration_seconds',
      'Time of operations of the raw store that succeeded; complete: making an object durable, read: until its first bytes',
      SHORT_BUCKETS,
      { operation: ['complete', 'read', 'discard'] },
    ),
    storeFailures: counter('piing_store_failures_total', 'Operations of the raw store that failed', {
      operation: ['write', 'complete', 'read', 'discard'],
    }),
    storeHeldBytes: gauge(
      'piing_store_held_bytes',
      'Memory of files on their way to S3, at most PIING_S3_BUFFER_BYTES',
    ),
    storeShortages: counter(
      'piing_store_memory_shortages_total',
      'Times that a file on its way to S3 waited for memory, or lost its own because its client was slow while others waited',
      { outcome: ['waited', 'taken_away'] },
    ),
  };
}

/** As much of a pool of connections as is shown. */
interface CountedPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** Reads the pools when somebody asks for the metrics. */
export function showPools(
  gauge: Gauge<'database' | 'state'>,
  pools: Readonly<Record<'control' | 'analytics', CountedPool>>,
): void {
  const read = () => {
    for (const [database, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
      gauge.set({ database, state: 'busy' }, totalCount - idleCount);
      gauge.set({ database, state: 'idle' }, idleCount);
      gauge.set({ database, state: 'waiting' }, waitingCount);
    }
  };
  Object.assign(gauge, { collect: read });
}

/** Reads the memory when somebody asks for the metrics. */
export function showHeldBytes(gauge: Gauge, memory: { readonly heldBytes: number }): void {
  Object.assign(gauge, { collect: () => gauge.set(memory.heldBytes) });
}
