import type { MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { parseIdempotencyKey } from '../intake/idempotency.ts';
import { Problem } from './problems.ts';

const SCHEMA_TYPE = 'schemaType';
const IDEMPOTENCY_KEY = 'idempotencyKey';

/** What the client says about its file: in the query, in headers, or in fields of the form. */
export class UploadFields {
  #schemaType: string | undefined;
  #idempotencyKey: string | undefined;
  /** True once the file has been begun: what is new from here on comes too late. */
  #closed = false;

  constructor(request: FastifyRequest) {
    const { schemaType } = request.query as Readonly<Record<string, unknown>>;
    if (schemaType !== undefined) this.#setSchemaType(schemaType);
    const header = request.headers['idempotency-key'];
    if (header !== undefined) this.#setIdempotencyKey(unquoted(String(header)));
  }

  get schemaType(): string | undefined {
    return this.#schemaType;
  }

  get idempotencyKey(): string | undefined {
    return this.#idempotencyKey;
  }

  /** Takes a field of the form. Fields that the API does not know are left alone. @throws {Problem} */
  add({ fieldname, value, valueTruncated }: MultipartValue): void {
    if (fieldname === 'file') {
      throw new Problem(
        'MISSING_FILE',
        'The part "file" came as text. Send it with a file name; with curl: -F file=@transactions.csv',
      );
    }
    if (fieldname !== SCHEMA_TYPE && fieldname !== IDEMPOTENCY_KEY) return;
    if (valueTruncated) throw new Problem('FIELD_TOO_LONG', `The field ${fieldname} is too long.`);
    if (fieldname === SCHEMA_TYPE) this.#setSchemaType(value);
    else this.#setIdempotencyKey(value);
  }

  /** From here on the file is being received with what is known. */
  close(): void {
    this.#closed = true;
  }

  #setSchemaType(value: unknown): void {
    if (typeof value !== 'string' || value === '')
      throw new Problem('MISSING_SCHEMA_TYPE', 'schemaType has to be the name of a schema type, given once.');
    this.#expectSame(SCHEMA_TYPE, this.#schemaType, value);
    this.#schemaType = value;
  }

  #setIdempotencyKey(value: unknown): void {
    const key = typeof value === 'string' ? parseIdempotencyKey(value) : undefined;
    if (key === undefined)
      throw new Problem(
        'INVALID_IDEMPOTENCY_KEY',
        'An idempotency key has 1 to 255 printable ASCII characters.',
      );
    this.#expectSame('the idempotency key', this.#idempotencyKey, key);
    this.#idempotencyKey = key;
  }

  #expectSame(what: string, before: string | undefined, now: string): void {
    if (before === now) return;
    if (before !== undefined)
      throw new Problem('INVALID_PARAMETER', `Two different values were sent for ${what}.`);
    if (this.#closed) {
      throw new Problem(
        'FIELDS_AFTER_FILE',
        'Send idempotencyKey before file, or as the header Idempotency-Key. Nothing was stored.',
      );
    }
  }
}

/** The IETF draft has the key as a quoted string (RFC 8941); most clients send it bare. Both mean the same key. */
function unquoted(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header.trim())?.[1];
  return quoted === undefined ? header : quoted.replace(/\\(["\\])/g, '$1');
}
