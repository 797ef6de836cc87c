import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { Access } from '../tenancy/access.ts';
import type { ApiPorts } from './api-options.ts';
import { sessionToken } from './page/session-cookie.ts';
import { INVALID_TOKEN_CHALLENGE, Problem } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the client of an authenticated request may do, read when the request began. */
    access: Access | null;
  }
}

/**
 * Admits requests with a good access token, in the header (RFC 6750) or in the cookie of the uploads page. The token
 * says who asks; what that client may do is read anew each time, so a revoked credential or a suspended organization
 * ends with its next request.
 */
export function requireAccess(ports: Pick<ApiPorts, 'tokens' | 'currentAccess'>): onRequestAsyncHookHandler {
  return async (request) => {
    const { authorization } = request.headers;
    const token = authorization === undefined ? sessionToken(request) : bearerToken(authorization);
    if (token === undefined) throw missingToken();
    const subject = await ports.tokens.verify(token);
    if (!subject) throw invalidToken();
    const decision = await ports.currentAccess({ clientId: subject.clientId, remoteAddress: request.ip });
    if (!decision.allowed) {
      request.log.warn({ clientId: subject.clientId, reason: decision.reason }, 'access token refused');
      throw invalidToken();
    }
    if (decision.access.organizationId !== subject.organizationId) throw invalidToken();
    request.access = decision.access;
  };
}

/** The access of a request that went through {@link requireAccess}. */
export function accessOf(request: Pick<FastifyRequest, 'access'>): Access {
  if (!request.access) throw new Error('The route is not behind requireAccess.');
  return request.access;
}

function bearerToken(authorization: string): string | undefined {
  return /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1];
}

/** RFC 6750, section 3.1: a request without a token is not told an error code. */
function missingToken(): Problem {
  return new Problem(
    'MISSING_TOKEN',
    'Send the header "Authorization: Bearer TOKEN" with an access token from POST /api/external/auth/token.',
    { headers: { 'www-authenticate': 'Bearer realm="piing"' } },
  );
}

export function invalidToken(): Problem {
  return new Problem(
    'INVALID_TOKEN',
    'The access token is expired, withdrawn or not valid. Get a new one from POST /api/external/auth/token.',
    { headers: { 'www-authenticate': INVALID_TOKEN_CHALLENGE } },
  );
}
