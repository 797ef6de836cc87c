import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TOKEN_LIFE_SECONDS } from '../tokens.ts';
import { requireOwnPage } from './same-origin.ts';

/**
 * Browsers take a cookie of the first name over TLS only and for this very host, so that no neighbour under the same
 * domain can plant one. They refuse it on plain HTTP, where the second name has to do.
 */
const SECURE_NAME = '__Host-piing_session';
const PLAIN_NAME = 'piing_session';

/** Lets this server and everything registered from now on read cookies. */
export async function acceptCookies(app: FastifyInstance): Promise<void> {
  await app.register(cookie);
}

/** The access token of a person who signed in on the page. @throws {Problem} when another site may have caused it */
export function sessionToken(request: FastifyRequest): string | undefined {
  const { [SECURE_NAME]: secure, [PLAIN_NAME]: plain } = request.cookies ?? {};
  const token = secure ?? (request.protocol === 'https' ? undefined : plain);
  if (token === undefined) return undefined;
  requireOwnPage(request);
  return token;
}

export function startSession(request: FastifyRequest, reply: FastifyReply, token: string): void {
  const secure = isSecure(request);
  reply.setCookie(secure ? SECURE_NAME : PLAIN_NAME, token, {
    ...COMMON,
    secure,
    maxAge: TOKEN_LIFE_SECONDS,
  });
}

/** Whatever the names and however the page was reached: nothing stays behind. */
export function endSession(reply: FastifyReply): void {
  reply.clearCookie(SECURE_NAME, { ...COMMON, secure: true });
  reply.clearCookie(PLAIN_NAME, COMMON);
}

const COMMON = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

/** The browser itself knows best whether it speaks TLS, also behind a proxy that is not in `trustedProxies`. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers.origin?.startsWith('https:') === true;
}
