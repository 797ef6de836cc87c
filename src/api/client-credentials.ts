import type { FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** The grant of machines that act for themselves (RFC 6749, section 4.4). */
const GRANT_TYPE = 'client_credentials';

/** True when the client tried HTTP Basic, whatever became of it. */
export function triedBasic(request: FastifyRequest): boolean {
  return /^basic\b/i.test(request.headers.authorization ?? '');
}

/**
 * Finds the credentials in the body (JSON or the OAuth 2 form) or in the Authorization header (HTTP Basic).
 * Undefined for a Basic header that cannot be decoded: no credential, so it is denied like a wrong one.
 * @throws {Problem} when they are missing, given twice, or for another grant
 */
export function readClientCredentials(request: FastifyRequest): ClientCredentials | undefined {
  const body = request.body ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw invalidRequest('The body has to be a JSON object.');
  const members = body as Readonly<Record<string, unknown>>;
  const grantType = members.grant_type;
  if (grantType !== undefined && grantType !== GRANT_TYPE) {
    throw new Problem('UNSUPPORTED_GRANT_TYPE', `The only grant type is ${GRANT_TYPE}.`, {
      members: { error: 'unsupported_grant_type' },
    });
  }
  return triedBasic(request) ? fromBasic(request, members) : fromBody(members);
}

function fromBody({ client_id, client_secret }: Readonly<Record<string, unknown>>): ClientCredentials {
  if (!isText(client_id) || !isText(client_secret)) {
    throw invalidRequest(
      'Send client_id and client_secret as JSON (Content-Type: application/json), as a form, or by HTTP Basic.',
    );
  }
  return { clientId: client_id, clientSecret: client_secret };
}

function fromBasic(
  request: FastifyRequest,
  { client_id, client_secret }: Readonly<Record<string, unknown>>,
): ClientCredentials | undefined {
  // RFC 6749, section 2.3: a client must not use two ways at once. Several libraries repeat the id all the same.
  if (client_secret !== undefined)
    throw invalidRequest('Send the secret in the header or in the body, not in both.');
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const [, clientId, clientSecret] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  if (clientId === undefined || clientSecret === undefined) return undefined;
  const credentials = { clientId: formDecoded(clientId), clientSecret: formDecoded(clientSecret) };
  if (client_id !== undefined && client_id !== credentials.clientId)
    throw invalidRequest('The client_id of the body is not the one of the header.');
  return credentials;
}

/**
 * RFC 6749 has both parts form-encoded before Basic, which OAuth libraries do and `curl -u` does not. Escapes
 * are therefore decoded where they are valid; a plus sign stays, as it is likelier a plus sign than a space.
 */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function invalidRequest(detail: string): Problem {
  return new Problem('INVALID_REQUEST', detail, { members: { error: 'invalid_request' } });
}
