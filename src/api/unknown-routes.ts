import type { FastifyInstance } from 'fastify';
import { Problem } from './problems.ts';

/** Answers 404 before a body is read or its type is looked at. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404)
      throw new Problem('NOT_FOUND', 'There is no such route. The API begins at /api/external.');
  });
}

/** Returns what, called when every route is there, answers 405 to their other methods (RFC 9110, section 15.5.6). */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const allowed = new Map<string, string[]>();
  let complete = false;
  app.addHook('onRoute', ({ url, method }) => {
    if (!complete) allowed.set(url, [...(allowed.get(url) ?? []), ...[method].flat()]);
  });
  return () => {
    complete = true;
    for (const [url, methods] of allowed) {
      const refuse = async () => {
        const allow = methods.join(', ');
        throw new Problem('METHOD_NOT_ALLOWED', `Here only ${allow} are possible.`, { headers: { allow } });
      };
      const method = app.supportedMethods.filter((name) => !methods.includes(name));
      app.route({ method, url, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
    }
  };
}
