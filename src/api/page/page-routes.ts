import type { FastifyInstance } from 'fastify';
import type { ApiOptions } from '../api-options.ts';
import { hasPage, pageFiles } from './page-files.ts';
import { acceptCookies } from './session-cookie.ts';
import { sessionRoutes } from './session-routes.ts';

/**
 * The uploads page at `/` with its sign-in. What it shows comes from the API, which takes the page's cookie in the
 * place of a token; without a built page there is the API alone.
 */
export async function pageRoutes(app: FastifyInstance, options: ApiOptions): Promise<void> {
  const { pageDirectory, logger } = options;
  if (pageDirectory === undefined) return;
  if (!hasPage(pageDirectory)) {
    logger.warn({ pageDirectory }, 'the uploads page is not built: run npm run build:page');
    return;
  }
  await acceptCookies(app);
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, ...NOT_DESCRIBED };
    });
    await page.register(async (session) => sessionRoutes(session, options));
    await page.register(async (files) => pageFiles(files, pageDirectory));
  });
}

/** What belongs to the page alone is not part of the API that programs are told of. */
const NOT_DESCRIBED = { hide: true };
