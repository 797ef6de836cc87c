import { FILE_FAULTS, type FileFaultCode } from '../schemas/fault-catalogue.ts';

export interface ProblemKind {
  readonly status: number;
  /** The same each time (RFC 9457, section 3.1.3). */
  readonly title: string;
  /** For the page that the problem's type leads to: when it happens, and what to do. */
  readonly help: string;
}

const LATER = 'Wait for the seconds of Retry-After and send the same request again.';

/**
 * Every error that the API answers, by its stable code. What was wrong in one request is the problem's `detail`.
 * `docs/api/errors.md` and the pages under `/problems` are made from this.
 */
export const PROBLEMS = {
  INVALID_REQUEST: {
    status: 400,
    title: 'The request cannot be understood',
    help: 'The bytes are not HTTP/1.1, the body is not valid JSON, or a member has the wrong type. Compare the request with the description at /docs.',
  },
  INVALID_PARAMETER: {
    status: 400,
    title: 'A parameter is not usable',
    help: 'A parameter of the URL or a field of the form is unknown, out of its range, or was given twice with different values. The detail names it and says what it has to be.',
  },
  UNSUPPORTED_GRANT_TYPE: {
    status: 400,
    title: 'The grant type is not supported',
    help: 'Tokens are given for the grant client_credentials only (RFC 6749, section 4.4). Send grant_type=client_credentials, or leave it out.',
  },
  MALFORMED_MULTIPART: {
    status: 400,
    title: 'The multipart body cannot be read',
    help: 'The Content-Type lacks its boundary, or the body is damaged or ends early. Let the HTTP client build the form and set the header. Nothing was stored.',
  },
  TOO_MANY_PARTS: {
    status: 400,
    title: 'The multipart body has too many parts',
    help: 'A form has schemaType, file and perhaps idempotencyKey. Leave out the others. Nothing was stored.',
  },
  FIELD_TOO_LONG: {
    status: 400,
    title: 'A field of the form is too long',
    help: 'Fields have 1,024 bytes at most. A file is sent as the part "file", with a file name. Nothing was stored.',
  },
  FIELDS_AFTER_FILE: {
    status: 400,
    title: 'A field came after the file that it describes',
    help: 'Put schemaType and idempotencyKey before file in the form, or send ?schemaType= in the URL and the header Idempotency-Key. Nothing was stored.',
  },
  MISSING_SCHEMA_TYPE: {
    status: 400,
    title: 'The schema type is missing',
    help: 'Send the field schemaType, or ?schemaType= in the URL. GET /api/external/schemas lists the names.',
  },
  MISSING_FILE: {
    status: 400,
    title: 'The file is missing',
    help: 'Send the file as the part "file" with a file name; with curl: -F file=@transactions.csv.',
  },
  MULTIPLE_FILES: {
    status: 400,
    title: 'More than one file was sent',
    help: 'Send one file in each request. Nothing was stored.',
  },
  INCOMPLETE_FILE: {
    status: 400,
    title: 'The file did not arrive completely',
    help: 'The connection ended before the file did. Nothing was stored: send the file again.',
  },
  BAD_FILE_NAME: {
    status: 400,
    title: 'The file name is not usable',
    help: 'File names are printable and have 255 bytes at most. Rename the file and send it again.',
  },
  INVALID_IDEMPOTENCY_KEY: {
    status: 400,
    title: 'The idempotency key is not usable',
    help: 'A key has 1 to 255 printable ASCII characters; a UUID for each file is a good one.',
  },
  INVALID_CLIENT: {
    status: 401,
    title: 'The credential is not accepted',
    help: 'The client_id or the client_secret is wrong, or the credential was withdrawn, has expired, may not be used from this address, or was tried too often with a wrong secret. The answer is the same for all of them. Check both values; then ask your Piing administrator.',
  },
  MISSING_TOKEN: {
    status: 401,
    title: 'An access token is needed',
    help: 'Send the header "Authorization: Bearer TOKEN" with an access token from POST /api/external/auth/token.',
  },
  INVALID_TOKEN: {
    status: 401,
    title: 'The access token is not accepted',
    help: 'The token has expired after its hour, or its credential was withdrawn. Get a new one from POST /api/external/auth/token.',
  },
  ACCESS_REVOKED: {
    status: 401,
    title: 'The credential was withdrawn',
    help: 'The credential was withdrawn or the organization suspended while the file was being sent. Nothing was stored. Ask your Piing administrator.',
  },
  CROSS_SITE_REQUEST: {
    status: 403,
    title: 'The request does not come from the uploads page',
    help: 'The cookie of the uploads page counts only with what its own script sends. Programs send an access token: POST /api/external/auth/token.',
  },
  SCHEMA_NOT_ENABLED: {
    status: 403,
    title: 'The schema type is not enabled',
    help: 'Your organization may not send files of this type, or there is no such type. The detail lists those that are enabled; an administrator enables others.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'There is nothing here',
    help: 'There is no such route, or your organization has no upload or schema type of this name. What belongs to another organization does not exist for yours.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The method is not allowed here',
    help: 'The header Allow lists the methods that are.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'The body came more slowly than the service waits for. Nothing was stored. Send it again over a better line, or in smaller files.',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    status: 409,
    title: 'An upload with this idempotency key is being received',
    help: `An earlier request with this key has not ended. ${LATER} If the earlier one was cut off, that takes up to a minute.`,
  },
  FILE_TOO_LARGE: {
    status: 413,
    title: 'The file is too large',
    help: 'The detail has the limit. Split the file and send the parts. Nothing was stored.',
  },
  REQUEST_TOO_LARGE: {
    status: 413,
    title: 'The request is too large',
    help: 'Requests other than uploads have 16 KiB at most.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The content type is not supported here',
    help: 'Files are sent as multipart/form-data; credentials as application/json or application/x-www-form-urlencoded.',
  },
  UNSUPPORTED_FILE_FORMAT: {
    status: 415,
    title: 'The file is neither CSV nor JSON',
    help: 'Export it as CSV (UTF-8, separated by commas) or JSON, with a name that ends in .csv or .json. Nothing was stored.',
  },
  EMPTY_FILE: {
    status: 422,
    title: 'The file is empty',
    help: 'The file has no bytes. Check the export. Nothing was stored.',
  },
  UNUSABLE_FILE: {
    status: 422,
    title: 'The file cannot be processed',
    help: 'The beginning of the file shows that none of it can be loaded. Type, title and code are those of the fault, for example MISSING_COLUMNS; line, column and value say where. Nothing was stored: mend the file and send it again.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key belongs to another file',
    help: 'Within 24 hours a key stands for one file and one schema type. The detail has the id of the upload that holds it. Use a new key for each file.',
  },
  RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    help: `RateLimit-Policy has the limit, RateLimit what is left of it. ${LATER} Instead of asking for a status again and again, use ?wait= or the events of the upload.`,
  },
  TOO_MANY_UPLOADS: {
    status: 429,
    title: 'Too many uploads at a time',
    help: `Your organization is already sending as many files at a time as it may. ${LATER}`,
  },
  TOO_MANY_WAITERS: {
    status: 429,
    title: 'Too many requests are waiting',
    help: `Your organization already has as many requests with ?wait= and event streams open as it may. ${LATER}`,
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request headers are too large',
    help: 'A request has 100 headers of 16 KiB in all at most. Look for cookies that the client adds.',
  },
  INTERNAL: {
    status: 500,
    title: 'The server failed',
    help: 'This is a fault of ours. Try again; if it stays, report the value of the header X-Request-Id to your Piing administrator.',
  },
  SERVICE_UNAVAILABLE: {
    status: 503,
    title: 'The service cannot do this now',
    help: `A part of the service cannot be reached, or has more to do than it can. Nothing was stored. ${LATER}`,
  },
  DRAINING: {
    status: 503,
    title: 'The server is about to restart',
    help: `Another server takes over. Nothing was stored. ${LATER}`,
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** Every `type` that an answer may have. */
export const PROBLEM_TYPES: readonly string[] = [
  ...new Set([...PROBLEM_CODES, ...Object.keys(FILE_FAULTS)]),
].map((code) => `/problems/${code}`);

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** True for what makes a file unusable: such a problem has the type and the title of its fault. */
export function isFileFault(code: string): code is FileFaultCode {
  return Object.hasOwn(FILE_FAULTS, code);
}

/**
 * The `type` of a problem: a reference with the full path (RFC 9457, section 3.1.1), which resolves to the page about
 * it under whatever host name the API was reached.
 */
export function problemType(code: ProblemCode | FileFaultCode): string {
  return `/problems/${code}`;
}
