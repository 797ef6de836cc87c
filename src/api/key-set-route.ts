import type { FastifyInstance } from 'fastify';
import type { ApiPorts } from './api-options.ts';
import { ETAG_HEADER, json, NOT_MODIFIED, problems } from './openapi/responses.ts';
import { query } from './query-parameters.ts';
import { TOKEN_ALGORITHM } from './tokens.ts';

const text = { type: 'string' };
const members = {
  kid: text,
  kty: text,
  crv: text,
  x: text,
  alg: { enum: [TOKEN_ALGORITHM] },
  use: { enum: ['sig'] },
};

const schema = {
  operationId: 'getKeySet',
  tags: ['Tokens'],
  summary: 'The public keys of access tokens (RFC 7517)',
  description:
    'For proxies that check tokens before they pass them on. A good signature says who asks, not that the credential ' +
    'may still be used: only the API knows that.',
  querystring: query({}),
  response: {
    200: json(
      'The keys.',
      {
        type: 'object',
        properties: {
          keys: {
            type: 'array',
            items: {
              type: 'object',
              properties: members,
              required: Object.keys(members),
              additionalProperties: false,
            },
          },
        },
        required: ['keys'],
        additionalProperties: false,
      },
      ETAG_HEADER,
    ),
    ...NOT_MODIFIED,
    ...problems('INVALID_PARAMETER'),
  },
  security: [],
};

/** `GET /.well-known/jwks.json`. */
export function keySetRoute(app: FastifyInstance, { publicKeys }: Pick<ApiPorts, 'publicKeys'>): void {
  app.get('/.well-known/jwks.json', { schema }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    const keys = await publicKeys();
    return { keys: keys.map((key) => ({ ...key, alg: TOKEN_ALGORITHM, use: 'sig' })) };
  });
}
