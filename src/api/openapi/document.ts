import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { addComponents } from './components.ts';

/** Everything comes from this server, and so do the answers that the page shows. */
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  // Swagger UI sets style attributes.
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

const DESCRIPTION = `
Send CSV and JSON files, and learn what became of each.

1. \`POST /api/external/auth/token\` gives a token for an hour.
2. \`POST /api/external/upload\` takes a file. 202 means: it is stored and will be processed, whatever happens.
3. \`GET /api/external/upload/{id}/status?wait=50\` answers when the result is there, or after that many seconds.

\`/api/external/upload/{id}\` is the one address of an upload; files that came by SFTP have one too, and
\`GET /api/external/uploads\` finds them. Errors are problem details (RFC 9457); their types are explained at
[/problems](/problems).

An \`Idempotency-Key\` makes it safe to send a file again when no answer came: for 24 hours the same key with the same
bytes gives the same answer. \`Idempotency-Key-Expires\` says until when.
`;

/** Collects the routes' schemas into one OpenAPI document. Has to come before the routes. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  addComponents(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Piing Gateway', version: '1.0.0', description: DESCRIPTION },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'Tokens', description: 'Access for an hour.' },
        { name: 'Uploads', description: 'Files in, results out.' },
        { name: 'Schema types', description: 'What may be sent.' },
        { name: 'About', description: 'This API.' },
      ],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          client: {
            type: 'oauth2',
            flows: { clientCredentials: { tokenUrl: '/api/external/auth/token', scopes: {} } },
          },
        },
      },
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `schema-${index}`),
    },
  });
}

/** `GET /openapi.json`, and `/docs`: a page to read it and try it, which loads nothing from elsewhere. */
export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    theme: { title: 'Piing Gateway API' },
    uiConfig: {
      layout: 'BaseLayout',
      tryItOutEnabled: true,
      persistAuthorization: false,
      displayRequestDuration: true,
    },
  });
}
