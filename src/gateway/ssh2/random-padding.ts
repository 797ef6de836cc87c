import { randomFillSync } from 'node:crypto';

/** Drawn from the generator at once; a packet takes 4 to 19 bytes of it. */
const POOL_BYTES = 16 * 1024;

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/**
 * `crypto.randomFillSync` for a part of a buffer, from bytes that were drawn before: ssh2 asks for the padding of
 * every packet, and a call of the generator costs more than the bytes. No byte is given out twice or kept.
 */
export function fillFromPool(target: Buffer, offset: number, size: number): Buffer {
  if (size > POOL_BYTES) return randomFillSync(target, offset, size);
  if (used + size > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(target, offset, used, used + size);
  pool.fill(0, used, used + size);
  used += size;
  return target;
}
