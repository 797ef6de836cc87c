import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access } from '../../tenancy/access.ts';
import type { ApiOptions } from '../api-options.ts';
import { readClientCredentials } from '../client-credentials.ts';
import { login } from '../token-route.ts';
import { requireOwnPage } from './same-origin.ts';
import type { Session } from './session.ts';
import { endSession, sessionToken, startSession } from './session-cookie.ts';

type SessionOptions = Pick<ApiOptions, 'authenticate' | 'currentAccess' | 'tokens' | 'metrics'>;

/**
 * `/session`: signs in (POST), tells who is signed in (GET), signs out (DELETE). The session is an access token of
 * the API in a cookie that scripts cannot read, so it lasts as long and ends with its credential.
 */
export function sessionRoutes(app: FastifyInstance, options: SessionOptions): void {
  // Only JSON is read: what a form of another site can send without a preflight is refused as it is.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request) => requireOwnPage(request));
  app.post('/session', async (request, reply): Promise<{ session: Session }> => {
    const access = await login(request, readClientCredentials(request), options);
    const { token } = await options.tokens.issue(access);
    options.metrics.logins.inc({ source: 'http', result: 'accepted' });
    startSession(request, reply, token);
    return { session: sessionOf(access) };
  });
  app.get('/session', async (request): Promise<{ session: Session | null }> => {
    const access = await sessionAccess(request, options);
    return { session: access && sessionOf(access) };
  });
  app.delete('/session', async (_request, reply) => {
    endSession(reply);
    return reply.code(204).send();
  });
}

/** Null, not an error, when nobody is signed in: it is what the page asks first. */
async function sessionAccess(
  request: FastifyRequest,
  { tokens, currentAccess }: SessionOptions,
): Promise<Access | null> {
  const token = sessionToken(request);
  const subject = token === undefined ? undefined : await tokens.verify(token);
  if (!subject) return null;
  const decision = await currentAccess({ clientId: subject.clientId, remoteAddress: request.ip });
  return decision.allowed && decision.access.organizationId === subject.organizationId
    ? decision.access
    : null;
}

function sessionOf({ organizationId, credentialName }: Access): Session {
  return { organizationId, credentialName };
}
