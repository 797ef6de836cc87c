import type { Refusal } from '../intake/refusal.ts';
import { FILE_FAULTS } from '../schemas/fault-catalogue.ts';
import { isFileFault, isProblemCode, PROBLEMS, type ProblemCode, problemType } from './problem-catalogue.ts';

/** Seconds after which a request that met a fault of ours is worth another attempt. */
const RETRY_AFTER_SECONDS = 5;
/** The same request may succeed later: in use, too many, unavailable. */
const RETRIED: ReadonlySet<number> = new Set([409, 429, 503]);

export interface ProblemOptions {
  /** Extension members beside the standard ones (RFC 9457, section 3.2). `code` replaces the code shown: a fault of a file has its own. */
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
    const wait = RETRIED.has(this.status) ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
    this.headers = { ...wait, ...headers };
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** The body of the answer (RFC 9457). `instance` is the path that was asked for. */
  toBody(instance: string | undefined): Record<string, unknown> {
    const { status } = PROBLEMS[this.code];
    const code = String(this.members.code ?? this.code);
    const fault = this.code === 'UNUSABLE_FILE' && isFileFault(code) ? code : undefined;
    const { title } = fault ? FILE_FAULTS[fault] : PROBLEMS[this.code];
    const type = problemType(fault ?? this.code);
    return { type, title, status, detail: this.message, instance, ...this.members, code };
  }
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
