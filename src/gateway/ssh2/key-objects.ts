import crypto, { type BinaryLike, type CipherKey, createSecretKey, type KeyObject } from 'node:crypto';
import { fillFromPool } from './random-padding.ts';

const known = new WeakMap<Uint8Array, KeyObject>();

/** ssh2 keeps one Buffer for each direction's key as long as the key is in use. */
function keyObject<Key>(key: Key): Key | KeyObject {
  if (!(key instanceof Uint8Array)) return key;
  let object = known.get(key);
  if (object === undefined) {
    object = createSecretKey(key);
    known.set(key, object);
  }
  return object;
}

/**
 * node:crypto for ssh2, which makes a cipher or a MAC for every packet from the bytes of a key: Node 24 imports
 * them each time, which costs as much as a third of a transfer's CPU.
 */
export const cryptoWithKeyObjects = {
  ...crypto,
  createCipheriv: (name: string, key: CipherKey, iv: BinaryLike | null, options?: object) =>
    crypto.createCipheriv(name, keyObject(key), iv, options),
  createDecipheriv: (name: string, key: CipherKey, iv: BinaryLike | null, options?: object) =>
    crypto.createDecipheriv(name, keyObject(key), iv, options),
  createHmac: (name: string, key: BinaryLike | KeyObject, options?: object) =>
    crypto.createHmac(name, keyObject(key), options),
  randomFillSync: fillFromPool,
};
