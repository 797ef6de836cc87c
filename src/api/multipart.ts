import type { Readable } from 'node:stream';
import multipart, { type Multipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../intake/refusal.ts';
import type { ProblemCode } from './problem-catalogue.ts';
import { Problem } from './problems.ts';

/** Longest value of a form field, in bytes: an idempotency key has 255 at most. */
const MAX_FIELD_BYTES = 1024;
const MAX_FIELDS = 8;
/** Headers of one part. Clients send two or three. */
const MAX_PART_HEADERS = 16;
/** Beyond the file: fields, boundaries, the parts' headers. */
export const MULTIPART_OVERHEAD_BYTES = 64 * 1024;

/** What the parser reports, by its codes; everything else that it throws means a malformed body. */
const PARSER_PROBLEMS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_FILES_LIMIT: ['MULTIPLE_FILES', 'Send one file in each request. Nothing was stored.'],
  FST_FIELDS_LIMIT: ['TOO_MANY_PARTS', `The form has more than ${MAX_FIELDS} fields.`],
  FST_PARTS_LIMIT: ['TOO_MANY_PARTS', `The form has more than ${MAX_FIELDS + 1} parts.`],
  FST_PROTO_VIOLATION: ['INVALID_REQUEST', 'A part has a name that is not allowed.'],
  FST_INVALID_JSON_FIELD_ERROR: ['INVALID_REQUEST', 'A field is announced as JSON and is not valid JSON.'],
};

export async function acceptMultipart(app: FastifyInstance, maxFileBytes: number): Promise<void> {
  app.removeAllContentTypeParsers();
  await app.register(multipart, {
    throwFileSizeLimit: false,
    limits: {
      // A safety net only: the intake refuses larger files long before, with a reason.
      fileSize: maxFileBytes + 1,
      files: 1,
      fields: MAX_FIELDS,
      parts: MAX_FIELDS + 1,
      fieldSize: MAX_FIELD_BYTES,
      headerPairs: MAX_PART_HEADERS,
    },
  });
}

/**
 * The parts in the order in which the client sends them. A file has to be read before the next part comes, and
 * only a complete iteration means that the body was complete.
 * @throws {Problem} for a body that is not multipart @throws {Refusal} when the client went away
 */
export async function* readParts(request: FastifyRequest, tooSlow: AbortSignal): AsyncGenerator<Multipart> {
  // A connection that closed while the request was being authenticated would never tell the parser so.
  if (request.raw.destroyed) throw interrupted();
  try {
    yield* untilAborted(request.parts(), tooSlow, slowBody);
  } catch (error) {
    throw asProblem(error);
  }
}

/** The bytes of a file part. Leaving early ends the parsing of the body. */
export async function* readFile(file: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    throw asProblem(error);
  }
}

/** The same values, until the signal ends the wait for the next one. */
async function* untilAborted<Value>(
  values: AsyncIterable<Value>,
  signal: AbortSignal,
  reason: () => Error,
): AsyncGenerator<Value> {
  const iterator = values[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(reason()), { once: true });
  });
  aborted.catch(() => undefined);
  try {
    for (;;) {
      const next = iterator.next();
      // Rejects later when the wait has ended without it.
      next.catch(() => undefined);
      const { done, value } = await Promise.race([next, aborted]);
      if (done) return;
      yield value;
    }
  } finally {
    const closed = iterator.return?.().catch(() => undefined);
    // A generator that still waits for the client closes only when that wait ends.
    if (!signal.aborted) await closed;
  }
}

/** The client sends more slowly than is waited for. */
export function slowBody(): Problem {
  return new Problem('REQUEST_TIMEOUT', 'The body arrived too slowly. Nothing was stored.');
}

function asProblem(error: unknown): Problem | Refusal {
  if (error instanceof Refusal || error instanceof Problem) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'FST_MP_PREMATURE_CLOSE' || code === 'ECONNRESET') return interrupted(error);
  const [known, detail] = PARSER_PROBLEMS[code ?? ''] ?? ['MALFORMED_MULTIPART', explain(message)];
  return new Problem(known, detail, { cause: error });
}

function explain(message: string): string {
  if (/boundary/i.test(message))
    return 'The Content-Type has no boundary. Let your HTTP client set this header.';
  return 'The multipart body is damaged or ends before its closing boundary. Nothing was stored.';
}

/** The client went away. */
export function interrupted(cause?: unknown): Refusal {
  return new Refusal('INCOMPLETE_FILE', 'The connection ended before the file was complete.', cause);
}
