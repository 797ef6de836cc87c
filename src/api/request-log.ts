import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics.ts';
import { HTTP_LIMIT_NAMES } from './limits.ts';
import { SECURITY_HEADERS, STRICT_TRANSPORT } from './security-headers.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** When the request's headers were complete, in milliseconds of `performance.now()`. */
    startedAt: number;
  }
}

/** What nginx writes when the client went away before its answer. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * Gives every request its id and the security headers, and logs one line when its connection is done with it.
 * The route's pattern is logged, not the URL, and neither headers nor bodies: they hold secrets and tenants' data.
 */
export function logRequests(app: FastifyInstance, metrics: Metrics): void {
  for (const limit of HTTP_LIMIT_NAMES) metrics.httpLimits.inc({ limit }, 0);
  app.decorateRequest('startedAt', 0);
  app.addHook('onRequest', async (request, reply) => {
    observeRequest(request, reply, metrics);
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
    if (request.protocol === 'https') reply.headers(STRICT_TRANSPORT);
  });
}

/** Logs the request when it is over. For requests that the framework refuses before any hook runs. */
export function observeRequest(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  request.startedAt = performance.now();
  metrics.httpRequestsInProgress.inc();
  // Unlike fastify's onResponse, `close` also comes when the client went away before the answer.
  reply.raw.once('close', () => {
    metrics.httpRequestsInProgress.dec();
    logRequest(request, reply, metrics);
  });
}

function logRequest(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const status = reply.raw.writableFinished ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST;
  const { method } = request;
  const route = request.routeOptions.url ?? 'none';
  const ms = performance.now() - request.startedAt;
  metrics.httpRequestSeconds.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, ms / 1_000);
  const fields = {
    method,
    route,
    status,
    ms: Math.round(ms),
    remoteAddress: request.ip,
    // Absent on requests that the framework refused.
    ...(request.access && {
      organizationId: request.access.organizationId,
      clientId: request.access.clientId,
    }),
  };
  if (status >= 500) request.log.warn(fields, 'HTTP request');
  else request.log.info(fields, 'HTTP request');
}
