import {
  createHash,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

/** Hybrid post-quantum key exchange, draft-ietf-sshm-mlkem-hybrid-kex: what OpenSSH prefers since 10.0. */
export const MLKEM768_X25519 = 'mlkem768x25519-sha256';

const MLKEM_PUBLIC_BYTES = 1184;
const MLKEM_CIPHERTEXT_BYTES = 1088;
const X25519_BYTES = 32;

/** DER headers of a SubjectPublicKeyInfo, before the raw key. */
const SPKI = {
  mlkem: Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex'),
  x25519: Buffer.from('302a300506032b656e032100', 'hex'),
} as const;

const importKey = (header: Buffer, raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([header, raw]), type: 'spki', format: 'der' });
const exportKey = (key: KeyObject, bytes: number): Buffer =>
  key.export({ type: 'spki', format: 'der' }).subarray(-bytes);

/** @throws {Error} where OpenSSL is older than 3.5 and has no ML-KEM */
export function expectMlkem(): void {
  generateKeyPairSync('ml-kem-768');
}

/** What ssh2's own `KeyExchange` is to the classes that stand on it. */
type KeyExchangeClass = new (
  ...args: readonly unknown[]
) => {
  readonly _protocol: { readonly _server: boolean };
};

/**
 * The exchange in the shape of ssh2's own. The two shared secrets are hashed together, client's X25519 half
 * last, and enter the exchange hash as plain bytes. `computeSecret` returns an Error instead of throwing: that
 * is what makes ssh2 disconnect with reason 3.
 */
export function mlkemExchange(KeyExchange: KeyExchangeClass): KeyExchangeClass {
  return class MlkemX25519 extends KeyExchange {
    readonly type = 'mlkem768x25519';
    readonly hashName = 'sha256';
    /** What this side sends; the server's depends on what the client sent. */
    #public: Buffer | undefined;
    #x25519: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined;
    #mlkem: KeyObject | undefined;

    generateKeys(): void {
      if (this.#x25519) return;
      this.#x25519 = generateKeyPairSync('x25519');
      if (this._protocol._server) return;
      const pair = generateKeyPairSync('ml-kem-768');
      this.#mlkem = pair.privateKey;
      this.#public = Buffer.concat([
        exportKey(pair.publicKey, MLKEM_PUBLIC_BYTES),
        exportKey(this.#x25519.publicKey, X25519_BYTES),
      ]);
    }

    getPublicKey(): Buffer | undefined {
      if (!this.#public) this.generateKeys();
      return this.#public;
    }

    convertPublicKey(key: Buffer): Buffer {
      return key;
    }

    computeSecret(peer: Buffer): Buffer | Error {
      try {
        return this.#agree(peer);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    }

    #agree(peer: Buffer): Buffer {
      this.generateKeys();
      const own = this.#x25519;
      if (!own) throw new Error('the keys of this exchange were used before');
      const mlkemBytes = this._protocol._server ? MLKEM_PUBLIC_BYTES : MLKEM_CIPHERTEXT_BYTES;
      if (peer.length !== mlkemBytes + X25519_BYTES) throw new Error(`invalid length ${peer.length}`);
      const mlkemSecret = this.#agreeMlkem(peer.subarray(0, mlkemBytes), own.publicKey);
      const x25519Secret = diffieHellman({
        privateKey: own.privateKey,
        publicKey: importKey(SPKI.x25519, peer.subarray(mlkemBytes)),
      });
      this.#x25519 = undefined;
      this.#mlkem = undefined;
      return createHash('sha256').update(mlkemSecret).update(x25519Secret).digest();
    }

    #agreeMlkem(peer: Buffer, ownX25519: KeyObject): Buffer {
      if (this.#mlkem) return decapsulate(this.#mlkem, peer);
      const { sharedKey, ciphertext } = encapsulate(importKey(SPKI.mlkem, peer));
      this.#public = Buffer.concat([ciphertext, exportKey(ownX25519, X25519_BYTES)]);
      return sharedKey;
    }
  };
}
