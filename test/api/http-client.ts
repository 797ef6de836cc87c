import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { assertDescribed } from './openapi-check.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Sends a request and reads a JSON answer, which has to be what the OpenAPI document says of the operation. */
export async function ask(
  url: string,
  init: RequestInit & { readonly token?: string } = {},
): Promise<Answer> {
  const { token, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(url, { ...rest, headers });
  const { status } = response;
  const body = (await response.json()) as Answer['body'];
  await assertDescribed(url, rest.method ?? 'GET', {
    status,
    type: response.headers.get('content-type') ?? '',
    body,
  });
  return { status, headers: response.headers, body };
}

/** Asserts that an answer is a problem with this status and code, and that it tells nothing of the inside. */
export function assertProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.body.code, code);
  assert.equal(answer.body.status, status);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  for (const member of ['type', 'title', 'detail']) assert.equal(typeof answer.body[member], 'string');
  assert.doesNotMatch(JSON.stringify(answer.body), /\.ts|node_modules|\bat \w+ \(/);
}

/** One part of a hand-made multipart body. */
export interface Part {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly fileName?: string;
  readonly type?: string;
}

export const BOUNDARY = '------------------------d74496d66958873e';

/** What ends a body that {@link beginning} began. */
export const CLOSING = `\r\n--${BOUNDARY}--\r\n`;

/** A body up to some point within its last part, whose content may go on. */
export const beginning = (parts: readonly Part[]) => multipart(parts, false).subarray(0, -2);

/** Writes parts in exactly this order, as curl does. */
export function multipart(parts: readonly Part[], end = true): Buffer {
  const pieces = parts.flatMap(({ name, content, fileName, type }) => [
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"`,
    fileName === undefined ? '' : `; filename="${fileName}"`,
    type === undefined ? '' : `\r\ncontent-type: ${type}`,
    '\r\n\r\n',
    content,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, end ? `--${BOUNDARY}--\r\n` : ''].map((piece) => Buffer.from(piece)));
}

export function upload(
  api: string,
  token: string,
  parts: readonly Part[],
  { query = '', headers = {} }: { readonly query?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  return ask(`${api}/upload${query}`, {
    method: 'POST',
    token,
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
    body: multipart(parts),
  });
}

export const csv = (content: string | Uint8Array, fileName = 'sales.csv'): Part => ({
  name: 'file',
  content,
  fileName,
  type: 'text/csv',
});

export const schemaType = (name = 'orgTransactions'): Part => ({ name: 'schemaType', content: name });

interface RawUploadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Leaves the request's headers unfinished until `endHead`. */
  readonly holdHead?: boolean;
}

/** An upload whose body the test sends piece by piece, over a socket of its own. */
export class RawUpload {
  readonly socket: Socket;
  #received = '';
  readonly #closed: Promise<void>;

  constructor(url: string, token: string, { headers = {}, holdHead = false }: RawUploadOptions = {}) {
    const { hostname, port, host } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    const all = {
      host,
      authorization: `Bearer ${token}`,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'transfer-encoding': 'chunked',
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`POST /api/external/upload HTTP/1.1\r\n${lines.join('')}`);
    if (!holdHead) this.endHead();
  }

  endHead(): void {
    this.socket.write('\r\n');
  }

  /** Sends a piece of the body as one chunk; an empty piece ends the body. */
  send(piece: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(piece);
    const chunk = Buffer.concat([
      Buffer.from(`${bytes.length.toString(16)}\r\n`),
      bytes,
      Buffer.from('\r\n'),
    ]);
    return new Promise((resolve) => this.socket.write(chunk, () => resolve()));
  }

  /** What the server has answered when it matches, or when it has closed the connection. */
  async answer(pattern: RegExp = /\r\n\r\n\{.*\}$/s, patienceMs = 10_000): Promise<string> {
    const deadline = Date.now() + patienceMs;
    while (!pattern.test(this.#received) && !this.socket.destroyed) {
      assert.ok(Date.now() < deadline, `no answer like ${pattern}, but ${JSON.stringify(this.#received)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.#received;
  }

  closed(): Promise<void> {
    return this.#closed;
  }
}

/** Asks again until it is so. */
export async function eventually<Value>(
  read: () => Promise<Value>,
  isSo: (value: Value) => boolean,
): Promise<Value> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const value = await read();
    if (isSo(value)) return value;
    assert.ok(Date.now() < deadline, `still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
