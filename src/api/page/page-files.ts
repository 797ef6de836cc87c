import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Built by tools/build-page.mjs: `index.html`, and what it names in `assets/`. */
const INDEX = 'index.html';
const ASSETS = 'assets';

/** Scripts, styles and requests of this origin alone; nothing inline, nothing framed, no HTML from strings. */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/** True when the directory has a built page. */
export function hasPage(directory: string): boolean {
  return existsSync(join(directory, INDEX));
}

/**
 * Serves the page at `/`. Names of assets contain the hash of their content: they are kept for a year, while the page
 * that names them is asked for anew each time.
 */
export async function pageFiles(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: join(directory, ASSETS),
    prefix: `/${ASSETS}/`,
    wildcard: false,
    index: false,
    preCompressed: true,
    maxAge: '1y',
    immutable: true,
  });
  app.get('/', (_request, reply) =>
    reply
      .headers({ ...PAGE_HEADERS, 'cache-control': 'no-cache' })
      .sendFile(INDEX, directory, { cacheControl: false }),
  );
}
