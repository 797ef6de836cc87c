import { PROBLEMS, type ProblemCode } from '../problem-catalogue.ts';
import { ref } from './components.ts';

const PROBLEM_JSON = 'application/problem+json';

/** What any request may be answered. */
const EVERYWHERE: readonly ProblemCode[] = [
  'INVALID_REQUEST',
  'REQUEST_TIMEOUT',
  'REQUEST_TOO_LARGE',
  'RATE_LIMITED',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
  'SERVICE_UNAVAILABLE',
];
/** What a request that needs a token may be answered beside. */
export const WITH_TOKEN = ['MISSING_TOKEN', 'INVALID_TOKEN'] as const satisfies readonly ProblemCode[];

/** Descriptions of the problems that a route may answer, by their status. */
export function problems(...codes: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = Map.groupBy(new Set([...codes, ...EVERYWHERE]), (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      {
        description: those.map((code) => `${code}: ${PROBLEMS[code].title}.`).join(' '),
        content: { [PROBLEM_JSON]: { schema: ref('Problem') } },
        ...(status === 429 && { headers: RATE_LIMIT_HEADERS }),
      },
    ]),
  );
}

/** An answer with a JSON body. */
export function json(description: string, schema: unknown, headers: object = {}): Record<string, unknown> {
  return {
    description,
    content: { 'application/json': { schema } },
    headers: { ...RATE_LIMIT_HEADERS, ...headers },
  };
}

/** An answer of another type, which is text. */
export function textOf(type: string, description: string): Record<string, unknown> {
  return { description, content: { [type]: { schema: { type: 'string' } } } };
}

export const NOT_MODIFIED = {
  304: { description: 'The client has this already: its If-None-Match names the ETag.', type: 'null' },
};

const RATE_LIMIT_HEADERS = {
  'ratelimit-policy': { type: 'string', description: 'The limit: q requests in w seconds (IETF draft).' },
  ratelimit: { type: 'string', description: 'r requests are left for t seconds (IETF draft).' },
};

/** Several CSV and JSON answers carry an ETag. */
export const ETAG_HEADER = {
  etag: { type: 'string', description: 'Send it as If-None-Match, and get 304 while nothing has changed.' },
};
