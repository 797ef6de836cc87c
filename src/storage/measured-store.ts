import type { Metrics } from '../telemetry/metrics.ts';
import { MemoryTakenError } from './part-memory.ts';
import { ObjectNotFoundError, type RawObjectWriter, type RawStore } from './raw-store.ts';

type StoreMetrics = Pick<Metrics, 'storeSeconds' | 'storeFailures'>;

/** The same store, with its operations timed and its failures counted. Writes are not timed: most only fill a part. */
export function measuredStore(store: RawStore, metrics: StoreMetrics): RawStore {
  // Whatever arguments a method has or gets: they are handed on.
  return {
    location: store.location,
    create: (...args) => measuredWriter(store.create(...args), metrics),
    read: (...args) => timed(metrics, 'read', () => store.read(...args)),
    discard: (...args) => timed(metrics, 'discard', () => store.discard(...args)),
    remove: (...args) => store.remove(...args),
    removeBelow: (...args) => store.removeBelow(...args),
    list: (...args) => store.list(...args),
    check: (...args) => store.check(...args),
  };
}

function measuredWriter(writer: RawObjectWriter, metrics: StoreMetrics): RawObjectWriter {
  return {
    get bufferedBytes() {
      return writer.bufferedBytes;
    },
    write: async (...chunks) => {
      try {
        await writer.write(...chunks);
      } catch (error) {
        // Not the store's failure, and counted by the memory.
        if (!(error instanceof MemoryTakenError)) metrics.storeFailures.inc({ operation: 'write' });
        throw error;
      }
    },
    complete: (...args) => timed(metrics, 'complete', () => writer.complete(...args)),
    abort: (...args) => writer.abort(...args),
  };
}

async function timed<Result>(
  { storeSeconds, storeFailures }: StoreMetrics,
  operation: 'complete' | 'read' | 'discard',
  work: () => Promise<Result>,
): Promise<Result> {
  const began = performance.now();
  try {
    const result = await work();
    storeSeconds.observe({ operation }, (performance.now() - began) / 1_000);
    return result;
  } catch (error) {
    // An object that is not there was looked for successfully; memory that was taken away says nothing of the store.
    const isNone = error instanceof ObjectNotFoundError || error instanceof MemoryTakenError;
    if (!isNone) storeFailures.inc({ operation });
    throw error;
  }
}
