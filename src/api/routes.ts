import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { ApiOptions } from './api-options.ts';
import { requireAccess } from './authentication.ts';
import { answerConditionally } from './conditional-requests.ts';
import { keySetRoute } from './key-set-route.ts';
import type { Lifecycle } from './lifecycle.ts';
import { serveDocument } from './openapi/document.ts';
import { API_PREFIX } from './paths.ts';
import { problemPages } from './problem-pages.ts';
import { schemaRoutes } from './schema-routes.ts';
import { tokenRoute } from './token-route.ts';
import { uploadEventsRoute } from './upload-events-route.ts';
import { uploadListRoute } from './upload-list-route.ts';
import { uploadRoute } from './upload-route.ts';
import { uploadStatusRoutes } from './upload-status-routes.ts';
import { Waiting } from './waiting.ts';

export interface RoutesContext {
  readonly options: ApiOptions;
  readonly lifecycle: Lifecycle;
  /** Counts a request of an authenticated client. */
  readonly limitCredential: onRequestAsyncHookHandler;
}

/** Every route. What is registered here side by side shares nothing but the server's own hooks. */
export async function addRoutes(app: FastifyInstance, context: RoutesContext): Promise<void> {
  await app.register(async (api) => addApi(api, context), { prefix: API_PREFIX });
  await app.register(async (about) => {
    answerConditionally(about);
    keySetRoute(about, context.options);
    await serveDocument(about);
    await about.register(async (pages) => problemPages(pages));
  });
}

/** Tokens are for everybody; all other routes are for the clients that hold one. */
async function addApi(
  api: FastifyInstance,
  { options, lifecycle, limitCredential }: RoutesContext,
): Promise<void> {
  await api.register(async (open) => tokenRoute(open, options));
  await api.register(async (closed) => {
    closed.addHook('onRoute', (route) => {
      route.schema = { security: [{ token: [] }, { client: [] }], ...route.schema };
    });
    closed.addHook('onRequest', requireAccess(options));
    closed.addHook('onRequest', limitCredential);
    answerConditionally(closed);
    await addUploads(closed, options, new Waiting(options, lifecycle));
    uploadListRoute(closed, options);
    schemaRoutes(closed, options.catalogue);
    // Reads multipart and nothing else, so it keeps to itself.
    await closed.register(async (uploads) => uploadRoute(uploads, options, lifecycle));
  });
}

/**
 * `/upload/{id}` is the one address of an upload, in every link and in the description. Who takes `/uploads/{id}`,
 * after the list, gets the same answers, which name that address (RFC 6596).
 */
async function addUploads(closed: FastifyInstance, options: ApiOptions, waiting: Waiting): Promise<void> {
  const add = (one: FastifyInstance) => {
    uploadStatusRoutes(one, options, waiting);
    uploadEventsRoute(one, options, waiting);
  };
  await closed.register(async (canonical) => add(canonical), { prefix: '/upload' });
  await closed.register(
    async (alias) => {
      alias.addHook('onRoute', (route) => {
        route.schema = { ...route.schema, hide: true };
      });
      alias.addHook('onSend', async (request, reply, payload) => {
        if (reply.statusCode < 400) reply.header('link', `<${canonicalPath(request.url)}>; rel="canonical"`);
        return payload;
      });
      add(alias);
    },
    { prefix: '/uploads' },
  );
}

function canonicalPath(url: string): string {
  return url.split('?', 1)[0]?.replace(`${API_PREFIX}/uploads/`, `${API_PREFIX}/upload/`) ?? url;
}
