import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ClientId } from '../support/ids.ts';

const CLIENT_ID_PREFIX = 'piing_';
const SECRET_PREFIX = 'piing_sk_';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 43 characters of base 62 carry 256 bits. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

export interface IssuedCredential {
  readonly clientId: ClientId;
  /** Known only here and to whoever receives it; the database keeps its SHA-256. */
  readonly clientSecret: string;
}

export function generateClientId(): ClientId {
  return `${CLIENT_ID_PREFIX}${randomBytes(12).toString('hex')}` as ClientId;
}

/** False for whatever else was typed into that field: it may be a secret, and must not reach a log. */
export function looksLikeClientId(text: string): boolean {
  return /^piing_[0-9a-f]{24}$/.test(text);
}

/** A secret that scanners recognise: prefix, 256 random bits, and a CRC-32 that tells a typo from a guess. */
export function generateClientSecret(): string {
  const random = Array.from({ length: SECRET_LENGTH }, () => BASE62.charAt(randomInt(BASE62.length))).join(
    '',
  );
  return SECRET_PREFIX + random + checksum(SECRET_PREFIX + random);
}

/** One SHA-256 is enough for a secret of 256 random bits; slow hashes protect guessable passwords. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** Compares against every valid secret of the credential without stopping at the first match. */
export function matchesAny(secret: string, digests: readonly Buffer[]): boolean {
  const given = hashSecret(secret);
  let matched = false;
  for (const digest of digests) {
    if (digest.length === given.length && timingSafeEqual(digest, given)) matched = true;
  }
  return matched;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let encoded = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    encoded = BASE62.charAt(rest % BASE62.length) + encoded;
    rest = Math.floor(rest / BASE62.length);
  }
  return encoded;
}
