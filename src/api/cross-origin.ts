import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** What scripts of other origins may read of an answer, beside the headers that the Fetch standard lets them. */
const EXPOSED = [
  'etag',
  'idempotency-key-expires',
  'idempotency-replayed',
  'link',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'x-request-id',
];

const PREFLIGHT_SECONDS = 3_600;

/** Lets scripts of these origins use the API with a token. Cookies never cross: credentials are not allowed. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cross-origin-resource-policy', 'cross-origin');
  });
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-none-match', 'last-event-id'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
  });
}
