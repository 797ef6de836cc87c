import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How much may pass through between two collections of short-lived buffers. V8 counts the memory of buffers but, of
 * its own accord, frees it only by collecting the whole heap: 14 times for a file of 100 MB, which took more CPU than
 * receiving it, and let a worker grow to 257 MB. A collection of the young objects alone takes half a millisecond
 * (docs/decisions/0007).
 */
const BYTES_BETWEEN = 8 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;
let arrived = 0;

/** Tells that so many bytes have passed through a buffer or two that nobody needs any more. */
export function countPassed(bytes: number): void {
  arrived += bytes;
  if (arrived < BYTES_BETWEEN) return;
  arrived = 0;
  collect ??= exposedCollector();
  collect({ type: 'minor' });
}

/** V8's own function, which is there in contexts that are made after the flag was set. */
function exposedCollector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
