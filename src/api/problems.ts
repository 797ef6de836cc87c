import type { Refusal } from '../intake/refusal.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/**
 * Every error that the API answers, by its stable code: the HTTP status and a title that is the same each time.
 * What was wrong in this request is the problem's `detail`.
 */
export const PROBLEMS = {
  INVALID_REQUEST: { status: 400, title: 'The request cannot be understood' },
  INVALID_PARAMETER: { status: 400, title: 'A parameter is not usable' },
  UNSUPPORTED_GRANT_TYPE: { status: 400, title: 'The grant type is not supported' },
  MALFORMED_MULTIPART: { status: 400, title: 'The multipart body cannot be read' },
  TOO_MANY_PARTS: { status: 400, title: 'The multipart body has too many parts' },
  FIELD_TOO_LONG: { status: 400, title: 'A field of the form is too long' },
  FIELDS_AFTER_FILE: { status: 400, title: 'A field came after the file that it describes' },
  MISSING_SCHEMA_TYPE: { status: 400, title: 'The schema type is missing' },
  MISSING_FILE: { status: 400, title: 'The file is missing' },
  MULTIPLE_FILES: { status: 400, title: 'More than one file was sent' },
  INCOMPLETE_FILE: { status: 400, title: 'The file did not arrive completely' },
  BAD_FILE_NAME: { status: 400, title: 'The file name is not usable' },
  INVALID_IDEMPOTENCY_KEY: { status: 400, title: 'The idempotency key is not usable' },
  INVALID_CLIENT: { status: 401, title: 'The credential is not accepted' },
  MISSING_TOKEN: { status: 401, title: 'An access token is needed' },
  INVALID_TOKEN: { status: 401, title: 'The access token is not accepted' },
  ACCESS_REVOKED: { status: 401, title: 'The credential was withdrawn' },
  SCHEMA_NOT_ENABLED: { status: 403, title: 'The schema type is not enabled' },
  NOT_FOUND: { status: 404, title: 'There is nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, title: 'An upload with this idempotency key is being received' },
  FILE_TOO_LARGE: { status: 413, title: 'The file is too large' },
  REQUEST_TOO_LARGE: { status: 413, title: 'The request is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The content type is not supported here' },
  UNSUPPORTED_FILE_FORMAT: { status: 415, title: 'The file is neither CSV nor JSON' },
  EMPTY_FILE: { status: 422, title: 'The file is empty' },
  UNUSABLE_FILE: { status: 422, title: 'The file cannot be processed' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another file' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The request headers are too large' },
  INTERNAL: { status: 500, title: 'The server failed' },
  SERVICE_UNAVAILABLE: { status: 503, title: 'The service cannot do this now' },
  DRAINING: { status: 503, title: 'The server is about to restart' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Seconds after which a request that met a fault of ours is worth another attempt. */
const RETRY_AFTER_SECONDS = 5;

export interface ProblemOptions {
  /** Extension members beside the standard ones (RFC 9457, section 3.2). `code` replaces the code shown. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Thrown anywhere while a request is handled: becomes its answer. The message is for whoever sent the request. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, { members = {}, headers = {}, cause }: ProblemOptions = {}) {
    super(detail, { cause });
    this.code = code;
    this.members = members;
    this.headers = this.status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS), ...headers } : headers;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** The body of the answer (RFC 9457). `instance` is the path that was asked for. */
  toBody(instance: string | undefined): Record<string, unknown> {
    const { status, title } = PROBLEMS[this.code];
    const code = String(this.members.code ?? this.code);
    return { type: problemType(code), title, status, detail: this.message, instance, ...this.members, code };
  }
}

/** A tag URI (RFC 4151): stable and ours, without promising a page behind it. */
function problemType(code: string): string {
  return `tag:piing.ai,2026:problem/${code.toLowerCase().replaceAll('_', '-')}`;
}

/** Tells a refusal of the intake in HTTP's words. */
export function problemOfRefusal(refusal: Refusal): Problem {
  const { fault, code, message } = refusal;
  if (fault) {
    const { line, column, value } = fault;
    return new Problem('UNUSABLE_FILE', message, {
      members: { code, line, column, value },
      cause: refusal,
    });
  }
  const options: ProblemOptions = { cause: refusal };
  if (!isProblemCode(code)) return new Problem('INTERNAL', 'The server could not take the file.', options);
  if (code === 'IDEMPOTENCY_KEY_IN_USE') {
    return new Problem(code, message, {
      ...options,
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    });
  }
  if (code === 'ACCESS_REVOKED')
    return new Problem(code, message, {
      ...options,
      headers: { 'www-authenticate': INVALID_TOKEN_CHALLENGE },
    });
  return new Problem(code, message, options);
}

/** RFC 6750, section 3.1: the token was there, but is not (or no longer) good. */
export const INVALID_TOKEN_CHALLENGE =
  'Bearer realm="piing", error="invalid_token", error_description="The access token is expired, withdrawn or not valid"';

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
