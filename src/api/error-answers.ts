import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../intake/refusal.ts';
import type { Logger } from '../telemetry/logger.ts';
import { PROBLEMS, type ProblemCode } from './problem-catalogue.ts';
import { Problem, problemOfRefusal } from './problems.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Longest path that an answer repeats, in characters. */
const MAX_INSTANCE = 200;

/** What fastify and its plugins throw, by their codes, where the status alone would say too little. */
const FRAMEWORK_PROBLEMS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['REQUEST_TOO_LARGE', 'The body is larger than this request may have.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'UNSUPPORTED_MEDIA_TYPE',
    'The content type is not one that is read here.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['INVALID_REQUEST', 'The body is empty, but announced as JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['INVALID_REQUEST', 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'The body is not as long as Content-Length says.'],
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'The path has an incomplete percent-encoding.'],
  FST_ERR_MAX_PARAM_LENGTH: ['NOT_FOUND', 'Nothing has a name of that length.'],
};

const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  408: 'REQUEST_TIMEOUT',
  413: 'REQUEST_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Finds the answer for whatever was thrown. What only administrators should see stays in the `cause`. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) return problemOfRefusal(error);
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FRAMEWORK_PROBLEMS[code] : undefined;
  if (known) return new Problem(known[0], known[1], { cause: error });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new Problem(BY_STATUS[statusCode] ?? 'INVALID_REQUEST', 'The request cannot be understood.', {
      cause: error,
    });
  }
  return new Problem('INTERNAL', 'The server failed unexpectedly. Try again, or report the request id.', {
    cause: error,
  });
}

/** Answers with a problem. Never throws: whatever fails on the way is answered by the plainest means. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  try {
    const problem = problemOf(error);
    if (problem.status >= 500) logFailure(request.log as Logger, problem);
    reply
      .code(problem.status)
      .headers({ ...problem.headers })
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(problem.toBody(pathOf(request.raw.url))));
  } catch (failure) {
    request.log.error({ err: failure }, 'a problem could not be answered');
    answerRaw(reply.raw, new Problem('INTERNAL', 'The server failed unexpectedly.'), undefined);
  }
}

/** Answers beside the framework, which has not yet made, or no longer has, a reply for the request. */
export function answerRaw(response: ServerResponse, problem: Problem, url: string | undefined): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problem.toBody(pathOf(url)));
  const headers = {
    ...SECURITY_HEADERS,
    ...problem.headers,
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
  };
  response.writeHead(problem.status, headers).end(body);
}

/** Answers bytes that are not HTTP, or that came too slowly: there is no request yet, only a socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  answerOnSocket(socket, clientProblem(error.code));
}

/** Answers where no request has been read, and ends the connection. */
export function answerOnSocket(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem.toBody(undefined));
  const head = [
    `HTTP/1.1 ${problem.status} ${PROBLEMS[problem.code].title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...Object.entries({ ...SECURITY_HEADERS, ...problem.headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
  ];
  // Without the destruction, a request that took too long would go on arriving.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function clientProblem(code: string | undefined): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('REQUEST_TIMEOUT', 'The request did not arrive in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('HEADERS_TOO_LARGE', 'The headers are longer than 16 KiB, or more than 100.');
    default:
      return new Problem('INVALID_REQUEST', 'This is not HTTP/1.1.');
  }
}

/** Refusals for a fault of ours have been logged by the intake, with the upload's id. */
function logFailure(logger: Logger, problem: Problem): void {
  if (problem.cause instanceof Refusal) return;
  logger.error({ err: problem.cause ?? problem, code: problem.code }, 'request failed');
}

/** Without the query, in which tenants' file names may stand; cut off, but never within an escape. */
function pathOf(url: string | undefined): string | undefined {
  return url
    ?.split('?', 1)[0]
    ?.slice(0, MAX_INSTANCE)
    .replace(/%[0-9a-f]?$/i, '');
}
