import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import type { HttpLimitName } from './limits.ts';
import { Problem } from './problems.ts';

const WINDOW_SECONDS = 60;
/** Addresses, or credentials, that are counted at a time. When there are more, the oldest begin anew. */
const MAX_COUNTED = 20_000;
/** The types of the library lack `cache`. */
const COUNTING = { timeWindow: WINDOW_SECONDS * 1_000, cache: MAX_COUNTED };

type RateLimitOptions = Pick<ApiOptions, 'limits' | 'metrics'>;

/**
 * Counts every request by its address, before anything else is done for it, and returns what counts the requests of
 * a credential. The counts are this process's own: they protect it, and are not a price list.
 */
export async function limitRates(
  app: FastifyInstance,
  { limits, metrics }: RateLimitOptions,
): Promise<onRequestAsyncHookHandler> {
  await app.register(rateLimit, { global: false });
  const policy = (
    name: string,
    limit: HttpLimitName,
    max: number,
    keyGenerator: (request: FastifyRequest) => string,
  ): onRequestAsyncHookHandler => {
    const check = app.createRateLimit({
      max,
      keyGenerator,
      ...COUNTING,
    });
    return async (request, reply) => {
      const state = await check(request);
      if (state.isAllowed) return;
      tell(reply, name, max, state.remaining, state.ttlInSeconds);
      if (!state.isExceeded) return;
      metrics.httpLimits.inc({ limit });
      throw tooMany(max, state.ttlInSeconds);
    };
  };
  app.addHook(
    'onRequest',
    policy('address', 'requests-per-address', limits.requestsPerMinuteAndAddress, ({ ip }) =>
      normalizeIP(ip),
    ),
  );
  return policy('credential', 'requests', limits.requestsPerMinute, (request) => accessOf(request).clientId);
}

/** RateLimit header fields for HTTP (IETF draft 10): one policy, the narrowest that was applied. */
function tell(reply: FastifyReply, name: string, max: number, remaining: number, seconds: number): void {
  reply.header('ratelimit-policy', `"${name}";q=${max};w=${WINDOW_SECONDS}`);
  reply.header('ratelimit', `"${name}";r=${remaining};t=${seconds}`);
}

function tooMany(max: number, seconds: number): Problem {
  return new Problem(
    'RATE_LIMITED',
    `More than ${max} requests came within a minute. Try again in ${seconds} s.`,
    { headers: { 'retry-after': String(seconds) } },
  );
}
