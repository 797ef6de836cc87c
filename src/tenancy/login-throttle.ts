import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Pool } from '../database/pool.ts';
import type { AccessDecision } from './access.ts';
import { looksLikeClientId } from './secrets.ts';

export interface LoginAttempt {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly remoteAddress: string;
}

/** What is counted, and when it leads to a ban. */
export interface ThrottleRules {
  /** Wrong secrets of one client id from one address within `windowSeconds`, before the ban. */
  readonly perClientAndAddress: number;
  /** Unknown client ids from one address within `windowSeconds`, before the ban. */
  readonly perAddress: number;
  readonly windowSeconds: number;
  /** The first ban; every further one within a day lasts twice as long, up to `longestBanSeconds`. */
  readonly firstBanSeconds: number;
  readonly longestBanSeconds: number;
}

/**
 * A job that retries every minute with an old secret is banned for minutes, not hours; somebody who tries names is
 * banned for longer each time. Secrets are 256 random bits: this spares the database, it does not guard secrets.
 */
export const DEFAULT_RULES: ThrottleRules = {
  perClientAndAddress: 10,
  perAddress: 20,
  windowSeconds: 15 * 60,
  firstBanSeconds: 60,
  longestBanSeconds: 3_600,
};

const DAY_SECONDS = 86_400;
/** A client that logged in from an address within this time is not locked out by its neighbours there. */
const KNOWN_SECONDS = 30 * DAY_SECONDS;
/** How long a process remembers that it has noted a success: one write an hour instead of one a login. */
const NOTED_MS = 3_600_000;
const MAX_NOTED = 10_000;
const TABLE = { tableName: 'login_throttle', schemaName: 'piing', tableCreated: true } as const;

/** Decides on a login and counts it. Shared by all processes through the control database. */
export type ThrottledLogin = (attempt: LoginAttempt) => Promise<AccessDecision>;

/**
 * Puts throttling before `authenticate`. A ban denies without a look at the secret, with reason `throttled`; the
 * caller answers it like every other denial.
 */
export function throttleLogins(
  pool: Pool,
  authenticate: (attempt: LoginAttempt) => Promise<AccessDecision>,
  rules: ThrottleRules = DEFAULT_RULES,
): ThrottledLogin {
  const options = { ...TABLE, storeClient: pool, duration: rules.windowSeconds, clearExpiredByTimeout: true };
  const pairs = new RateLimiterPostgres({ ...options, keyPrefix: 'pair', points: rules.perClientAndAddress });
  const addresses = new RateLimiterPostgres({ ...options, keyPrefix: 'address', points: rules.perAddress });
  const bans = new RateLimiterPostgres({ ...options, keyPrefix: 'bans', points: 1, duration: DAY_SECONDS });
  const known = new RateLimiterPostgres({
    ...options,
    keyPrefix: 'known',
    points: 1,
    duration: KNOWN_SECONDS,
  });
  const noted = new Map<string, number>();

  const countFailure = async (limiter: RateLimiterPostgres, key: string) => {
    try {
      const { consumedPoints } = await limiter.consume(key);
      if (consumedPoints < limiter.points) return;
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
    }
    const { consumedPoints: banNumber } = await bans.penalty(`${limiter.keyPrefix}:${key}`);
    const seconds = Math.min(rules.firstBanSeconds * 2 ** (banNumber - 1), rules.longestBanSeconds);
    await limiter.block(key, seconds);
  };

  /** One look at the counters of all limiters: every login asks, and asking costs more than the answer. */
  const isBanned = async (pair: string, address: string) => {
    const keys = [pairs.getKey(pair), addresses.getKey(address), known.getKey(pair)];
    const { rows } = await pool.query<{ key: string; points: number }>({
      name: 'login-throttle',
      text: 'SELECT key, points FROM piing.login_throttle WHERE key = ANY($1) AND expire > $2',
      values: [keys, Date.now()],
    });
    const counted = keys.map((key) => rows.find((row) => row.key === key)?.points ?? 0);
    const [ofPair = 0, ofAddress = 0, successes = 0] = counted;
    return ofPair > pairs.points || (ofAddress > addresses.points && successes === 0);
  };

  const noteSuccess = async (pair: string) => {
    const now = performance.now();
    if (now - (noted.get(pair) ?? Number.NEGATIVE_INFINITY) < NOTED_MS) return;
    if (noted.size >= MAX_NOTED) noted.clear();
    noted.set(pair, now);
    await known.set(pair, 1, KNOWN_SECONDS);
  };

  return async (attempt) => {
    const { remoteAddress } = attempt;
    const pair = pairKey(attempt);
    if (await isBanned(pair, remoteAddress)) return { allowed: false, reason: 'throttled' };
    const decision = await authenticate(attempt);
    if (decision.allowed) await noteSuccess(pair);
    else if (decision.reason === 'unknown-client') await countFailure(addresses, remoteAddress);
    else await countFailure(pairs, pair);
    return decision;
  };
}

/** What people type as a client id may be a secret, and may be long: it is not kept as it is. */
function pairKey({ clientId, remoteAddress }: LoginAttempt): string {
  const id = looksLikeClientId(clientId)
    ? clientId
    : createHash('sha256').update(clientId).digest('base64url').slice(0, 22);
  return `${id}@${remoteAddress}`;
}
