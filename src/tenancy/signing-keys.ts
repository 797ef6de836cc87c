import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { inTransaction, type Pool } from '../database/pool.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A key signs for this long, in milliseconds; then a new one takes over. */
const SIGNING_KEY_LIFE_MS = 30 * DAY;
/** The tokens that a key signed last are still good for this long. */
const TOKEN_LIFE_MS = HOUR;
/** Keys that other processes made are noticed after this long at the latest. */
const REFRESH_MS = 10 * MINUTE;
/** Tokens with made-up key ids must not become a query each. */
const UNKNOWN_KEY_RELOAD_MS = 5_000;

/** Any number that no other lock of the control database uses. */
const LOCK_ID = 7_409_283_652;

/** An Ed25519 key pair (RFC 8037) that signs access tokens. */
export interface SigningKey {
  /** The `kid` of the tokens that it signed. */
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly createdAt: Date;
}

/** What others need to verify a token (RFC 7517). */
export interface PublicKey {
  readonly kid: string;
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
}

/** The keys of all processes together, as the control database has them. */
export interface SigningKeys {
  /** The key to sign with now. */
  current(): Promise<SigningKey>;
  /** The key that a token names, unless it is unknown or so old that all its tokens have expired. */
  find(id: string): Promise<SigningKey | undefined>;
  /** The public halves of all keys whose tokens may still be good, newest first. */
  publicKeys(): Promise<readonly PublicKey[]>;
}

interface KeyRow {
  readonly kid: string;
  readonly jwk: JsonWebKey;
  readonly created_at: Date;
}

const SELECT_KEYS = 'SELECT kid, jwk, created_at FROM piing.signing_keys ORDER BY created_at DESC, kid';

/** Reads the signing keys, and makes one when there is none or the newest is too old to sign. */
export async function loadSigningKeys(pool: Pool, now: () => number = Date.now): Promise<SigningKeys> {
  const keys = new CachedKeys(pool, now);
  await keys.current();
  return keys;
}

class CachedKeys implements SigningKeys {
  readonly #pool: Pool;
  readonly #now: () => number;
  /** Newest first. */
  #keys: readonly SigningKey[] = [];
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(pool: Pool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  async current(): Promise<SigningKey> {
    if (!this.#newestSigns() || this.#olderThan(REFRESH_MS)) await this.#load();
    const [newest] = this.#keys;
    if (!newest) throw new Error('The control database has no signing key, and took no new one.');
    return newest;
  }

  async find(id: string): Promise<SigningKey | undefined> {
    if (this.#olderThan(REFRESH_MS)) await this.#load();
    if (!this.#verifying(id) && this.#olderThan(UNKNOWN_KEY_RELOAD_MS)) await this.#load();
    return this.#verifying(id);
  }

  async publicKeys(): Promise<readonly PublicKey[]> {
    await this.current();
    return this.#keys.filter((key) => this.#mayVerify(key)).map(toPublic);
  }

  #verifying(id: string): SigningKey | undefined {
    return this.#keys.find((key) => key.id === id && this.#mayVerify(key));
  }

  #mayVerify({ createdAt }: SigningKey): boolean {
    return createdAt.getTime() > this.#now() - SIGNING_KEY_LIFE_MS - TOKEN_LIFE_MS;
  }

  #newestSigns(): boolean {
    const [newest] = this.#keys;
    return newest !== undefined && isYoung(newest.createdAt, this.#now());
  }

  #olderThan(milliseconds: number): boolean {
    // A time ahead was noted before the clock was set back.
    return Math.abs(this.#now() - this.#loadedAt) >= milliseconds;
  }

  /** Requests that come meanwhile wait for the same answer. */
  #load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #read(): Promise<void> {
    let { rows } = await this.#pool.query<KeyRow>(SELECT_KEYS);
    const [newest] = rows;
    if (!newest || !isYoung(newest.created_at, this.#now())) rows = await addKey(this.#pool, this.#now());
    this.#keys = rows.map(parseKey);
    this.#loadedAt = this.#now();
  }
}

/** Two processes that find no key take turns; the second then finds the key of the first. */
async function addKey(pool: Pool, now: number): Promise<KeyRow[]> {
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_ID]);
    const { rows } = await client.query<KeyRow>(SELECT_KEYS);
    if (rows[0] && isYoung(rows[0].created_at, now)) return rows;
    const { privateKey } = generateKeyPairSync('ed25519');
    const jwk = privateKey.export({ format: 'jwk' });
    const kid = randomBytes(12).toString('base64url');
    const createdAt = new Date(now);
    await client.query('INSERT INTO piing.signing_keys (kid, jwk, created_at) VALUES ($1, $2, $3)', [
      kid,
      JSON.stringify(jwk),
      createdAt,
    ]);
    // A key whose tokens have all expired is only a secret that could leak.
    await client.query('DELETE FROM piing.signing_keys WHERE created_at < $1', [
      new Date(now - SIGNING_KEY_LIFE_MS - DAY),
    ]);
    return [{ kid, jwk, created_at: createdAt }, ...rows];
  });
}

function isYoung(createdAt: Date, now: number): boolean {
  return now - createdAt.getTime() < SIGNING_KEY_LIFE_MS;
}

function parseKey({ kid, jwk, created_at }: KeyRow): SigningKey {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return { id: kid, privateKey, publicKey: createPublicKey(privateKey), createdAt: created_at };
}

function toPublic({ id, publicKey }: SigningKey): PublicKey {
  const { kty = '', crv = '', x = '' } = publicKey.export({ format: 'jwk' });
  return { kid: id, kty, crv, x };
}
