/** The API server refused a request, with its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly code: number;
  /** In one CamelCase word, such as `AlreadyExists`. */
  readonly reason: string;
  /** What the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

const hasCode = (error: unknown, code: number) => error instanceof ApiError && error.code === code;

export const isNotFound = (error: unknown): boolean => hasCode(error, 404);
/** A name that is taken, an outdated resource version, another UID. */
export const isConflict = (error: unknown): boolean => hasCode(error, 409);
/** The resource version is older than what the server still has: list again. */
export const isGone = (error: unknown): boolean => hasCode(error, 410);
