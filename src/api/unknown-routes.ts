import type { FastifyInstance } from 'fastify';
import { Problem } from './problems.ts';

/** Answers 404 before a body is read or its type is looked at. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404)
      throw new Problem('NOT_FOUND', 'There is no such route. The API begins at /api/external.');
  });
}

/** What a plugin adds for every path, such as CORS for its preflight requests. */
const EVERY_PATH = '*';

/** Returns what, called when every route is there, answers 405 to their other methods (RFC 9110, section 15.5.6). */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const paths = new Set<string>();
  let complete = false;
  app.addHook('onRoute', ({ url }) => {
    if (!complete && url !== EVERY_PATH) paths.add(url);
  });
  return () => {
    complete = true;
    for (const url of paths) {
      const methods = app.supportedMethods.filter((method) => app.hasRoute({ method, url }));
      const refuse = async () => {
        const allow = methods.join(', ');
        throw new Problem('METHOD_NOT_ALLOWED', `Here only ${allow} are possible.`, { headers: { allow } });
      };
      const method = app.supportedMethods.filter((name) => !methods.includes(name));
      const schema = { hide: true };
      app.route({ method, url, schema, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
    }
  };
}
