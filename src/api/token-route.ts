import { setTimeout as delay } from 'node:timers/promises';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest, FastifySchemaCompiler } from 'fastify';
import type { Access, DenialReason } from '../tenancy/access.ts';
import { looksLikeClientId } from '../tenancy/secrets.ts';
import type { ApiOptions } from './api-options.ts';
import { type ClientCredentials, readClientCredentials, triedBasic } from './client-credentials.ts';
import { answerProblem, problemOf } from './error-answers.ts';
import { json, problems } from './openapi/responses.ts';
import { Problem } from './problems.ts';
import { TOKEN_LIFE_SECONDS } from './tokens.ts';

/** Enough for two long strings in any of the three forms. */
const MAX_BODY_BYTES = 16 * 1024;
/** Every denial takes this long from the start of its request, so that its reason cannot be read from the clock. */
const DENIAL_FLOOR_MS = 300;

type TokenOptions = Pick<ApiOptions, 'authenticate' | 'tokens' | 'metrics'>;

/** `POST /auth/token`: an access token for a client id and its secret (RFC 6749, section 4.4). */
export async function tokenRoute(app: FastifyInstance, options: TokenOptions): Promise<void> {
  // Fastify reads text/plain by itself; here it would only be a form in disguise.
  app.removeContentTypeParser('text/plain');
  await app.register(formbody, { bodyLimit: MAX_BODY_BYTES });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('pragma', 'no-cache');
  });
  app.setErrorHandler((error, request, reply) => answerProblem(withOauthError(error), request, reply));
  app.post(
    '/auth/token',
    { bodyLimit: MAX_BODY_BYTES, schema, validatorCompiler: readElsewhere },
    async (request) => {
      const access = await login(request, readClientCredentials(request), options);
      const { token, expiresAt } = await options.tokens.issue(access).catch(countError(options));
      options.metrics.logins.inc({ source: 'http', result: 'accepted' });
      return {
        access_token: token,
        token_type: 'Bearer',
        expires_in: TOKEN_LIFE_SECONDS,
        expires_at: expiresAt.toISOString(),
      };
    },
  );
}

/** @throws {Problem} the same for every denial */
export async function login(
  request: FastifyRequest,
  credentials: ClientCredentials | undefined,
  options: TokenOptions,
): Promise<Access> {
  if (!credentials) return deny(request, '', 'wrong-secret', options);
  const decision = await options
    .authenticate({ ...credentials, remoteAddress: request.ip })
    .catch(countError(options));
  if (!decision.allowed) return deny(request, credentials.clientId, decision.reason, options);
  request.access = decision.access;
  return decision.access;
}

async function deny(
  request: FastifyRequest,
  clientId: string,
  reason: DenialReason,
  { metrics }: TokenOptions,
): Promise<never> {
  metrics.logins.inc({ source: 'http', result: 'denied' });
  // What is not an id may be a secret in the wrong field.
  const known = looksLikeClientId(clientId) ? clientId : undefined;
  const fields = { clientId: known, reason, remoteAddress: request.ip };
  request.log.warn(fields, 'HTTP login denied');
  await delay(Math.max(0, DENIAL_FLOOR_MS - (performance.now() - request.startedAt)));
  throw new Problem(
    'INVALID_CLIENT',
    'The client_id or the client_secret is wrong, or the credential is not valid (any more).',
    triedBasic(request) ? { headers: { 'www-authenticate': 'Basic realm="piing", charset="UTF-8"' } } : {},
  );
}

/** It could not be told whether the credentials are good. */
function countError({ metrics }: TokenOptions) {
  return (error: unknown): never => {
    metrics.logins.inc({ source: 'http', result: 'error' });
    throw error;
  };
}

/** OAuth 2 clients look for `error` (RFC 6749, section 5.2); it stands beside the members of the problem. */
function withOauthError(error: unknown): Problem {
  const problem = problemOf(error);
  const { members, headers, cause } = problem;
  const fallback = { error: oauthError(problem), error_description: problem.message };
  return new Problem(problem.code, problem.message, { members: { ...fallback, ...members }, headers, cause });
}

function oauthError({ status }: Problem): string {
  if (status === 401) return 'invalid_client';
  if (status === 503 || status === 429) return 'temporarily_unavailable';
  return status < 500 ? 'invalid_request' : 'server_error';
}

/** {@link readClientCredentials} reads all three forms, and answers in OAuth's words. */
const readElsewhere: FastifySchemaCompiler<unknown> = () => () => true;

const credentials = {
  type: 'object',
  properties: {
    client_id: { type: 'string', minLength: 1 },
    client_secret: { type: 'string', minLength: 1 },
    grant_type: { type: 'string', enum: ['client_credentials'] },
  },
};

const schema = {
  operationId: 'getToken',
  tags: ['Tokens'],
  summary: 'A token for a client id and its secret',
  description:
    'The client credentials grant of OAuth 2 (RFC 6749, section 4.4): as JSON, as a form, or by HTTP Basic. ' +
    'Problems have the members error and error_description beside their own.',
  body: {
    content: {
      'application/json': { schema: { ...credentials, required: ['client_id', 'client_secret'] } },
      'application/x-www-form-urlencoded': { schema: credentials },
    },
  },
  response: {
    200: json('The token. It is not stored anywhere and cannot be shown again.', {
      type: 'object',
      properties: {
        access_token: { type: 'string' },
        token_type: { type: 'string', enum: ['Bearer'] },
        expires_in: { type: 'integer', description: 'Seconds.' },
        expires_at: { type: 'string', format: 'date-time' },
      },
      required: ['access_token', 'token_type', 'expires_in', 'expires_at'],
      additionalProperties: false,
    }),
    ...problems('INVALID_CLIENT', 'UNSUPPORTED_GRANT_TYPE', 'UNSUPPORTED_MEDIA_TYPE'),
  },
  security: [],
};
