import type { FastifyRequest } from 'fastify';
import { Problem } from '../problems.ts';

/**
 * Sent by the page's own script with every request. No form and no link can carry it, and a script of another
 * origin only after a CORS preflight, which is refused.
 */
const PAGE_HEADER = 'x-piing-page';

/**
 * Proof that a request comes from our own page: its header, and a browser that does not say otherwise. The cookie is
 * worth nothing without it.
 * @throws {Problem} for a request that another site may have caused
 */
export function requireOwnPage(request: FastifyRequest): void {
  if (request.headers[PAGE_HEADER] !== undefined && isSameOrigin(request)) return;
  throw new Problem(
    'CROSS_SITE_REQUEST',
    'The session cookie is for the uploads page only. Programs send an access token: POST /api/external/auth/token.',
  );
}

/**
 * Browsers say where a request comes from in `Sec-Fetch-Site`, or, on plain HTTP and before 2023, at least in `Origin`.
 * Schemes are not compared: behind a proxy that ends TLS the server may not know its own.
 */
function isSameOrigin(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = request.headers;
  return origin === undefined || hostOf(origin) === request.host;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
