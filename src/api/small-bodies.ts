import type { FastifyInstance } from 'fastify';
import type { ApiOptions } from './api-options.ts';
import { answerClientError } from './error-answers.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route looks after the time that its body takes. */
    readonly ownPace?: boolean;
  }
}

/**
 * Ends requests whose small body does not come. The time for a whole request is meant for files, and strangers may
 * send bodies too, to log in.
 */
export function expectSmallBodies(
  app: FastifyInstance,
  { limits, metrics }: Pick<ApiOptions, 'limits' | 'metrics'>,
): void {
  app.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
    const hasBody = 'transfer-encoding' in raw.headers || Number(raw.headers['content-length']) > 0;
    if (!hasBody || routeOptions.config?.ownPace) return;
    const timer = setTimeout(() => {
      // What is still sent after the answer is ended elsewhere.
      if (raw.complete || reply.raw.headersSent) return;
      metrics.httpLimits.inc({ limit: 'body-time' });
      // As Node does it for requests that take too long.
      const late = Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      answerClientError(late, raw.socket);
    }, limits.smallBodyMs);
    const stop = () => clearTimeout(timer);
    raw.once('end', stop).once('close', stop);
  });
}
