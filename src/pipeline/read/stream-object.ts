import { addAbortSignal } from 'node:stream';
import type { RawStore } from '../../storage/raw-store.ts';

/**
 * What a reader makes of a stored file, which is opened when the first of it is asked for and closed with the last.
 * @throws {ObjectNotFoundError} @throws {StoreUnavailableError} and what the reader throws
 */
export async function* streamObject<Item>(
  store: RawStore,
  key: string,
  signal: AbortSignal,
  read: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const object = addAbortSignal(signal, await store.read(key));
  try {
    yield* read(object);
  } finally {
    object.destroy();
  }
}
