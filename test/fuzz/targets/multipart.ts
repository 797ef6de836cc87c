import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { acceptMultipart, readFile, readParts } from '../../../src/api/multipart.ts';
import { Problem } from '../../../src/api/problems.ts';
import { Refusal } from '../../../src/intake/refusal.ts';
import type { Target } from '../guided/target.ts';

export const BOUNDARY = 'fuzz-boundary';
const MAX_FILE_BYTES = 64 * 1024;

/** What a body says: its parts in their order, or the code of the problem that it has. */
interface Answer {
  readonly parts: readonly { readonly name: string; readonly value: unknown; readonly sha256?: string }[];
  readonly code?: string;
}

/** The parts of a body are the same however it is cut, and a file's bytes are a run of the body's own. */
export async function openMultipart(): Promise<Target> {
  const app = await startParser();
  const read = async (bytes: Buffer, pieceBytes: number): Promise<Answer> => {
    const { statusCode, body } = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      payload: Readable.from(inPieces(bytes, pieceBytes)),
    });
    assert.equal(statusCode, 200, body);
    return JSON.parse(body) as Answer;
  };
  return {
    seeds: SEEDS,
    tokens: TOKENS,
    maxBytes: 4_000,
    check: async (input) => {
      const whole = await read(input, input.length);
      for (const pieceBytes of [1 + (input.length >> 1), input.length > 200 ? 17 : 1])
        assert.deepEqual(await read(input, pieceBytes), whole, `in pieces of ${pieceBytes}`);
      const files = whole.parts.filter(({ sha256 }) => sha256 !== undefined);
      const hashes = files.length > 0 ? new Set(contentsOf(input).map(sha256)) : new Set();
      for (const file of files) assert.ok(hashes.has(file.sha256), 'other bytes than were sent');
    },
    close: () => app.close(),
  };
}

/** The API's own parser on a route that only tells what it has read. */
async function startParser(): Promise<FastifyInstance> {
  const app = Fastify();
  await acceptMultipart(app, MAX_FILE_BYTES);
  app.post('/', async (request): Promise<Answer> => {
    const parts: Answer['parts'][number][] = [];
    try {
      for await (const part of readParts(request, new AbortController().signal)) {
        const name = part.fieldname;
        if (part.type !== 'file') parts.push({ name, value: part.value });
        else parts.push({ name, value: part.filename, sha256: sha256(await wholeOf(readFile(part.file))) });
      }
    } catch (error) {
      if (error instanceof Problem || error instanceof Refusal) return { parts: [], code: error.code };
      throw error;
    }
    return { parts };
  });
  await app.ready();
  return app;
}

async function wholeOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

function* inPieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What could be the content of a part: from behind a blank line to before a boundary. */
export function contentsOf(bytes: Buffer): Buffer[] {
  const starts = positions(bytes, '\r\n\r\n').map((at) => at + 4);
  const ends = positions(bytes, `\r\n--${BOUNDARY}`);
  return starts.flatMap((start) =>
    ends.filter((end) => end >= start).map((end) => bytes.subarray(start, end)),
  );
}

function positions(bytes: Buffer, text: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at);
  return found;
}

const part = (headers: string, content: string) => `--${BOUNDARY}\r\n${headers}\r\n\r\n${content}\r\n`;
const DISPOSITION = 'content-disposition: form-data; name=';
const FILE = `${DISPOSITION}"file"; filename="a.csv"`;
const END = `--${BOUNDARY}--\r\n`;

const SEEDS = [
  part(`${DISPOSITION}"schemaType"`, 'orgTransactions') + part(FILE, 'id,amount\n1,2\n') + END,
  part(`${FILE}\r\ncontent-type: text/csv; charset=utf-8`, 'a\r\n--b\r\n') + END,
  part(`${DISPOSITION}"file"; filename*=UTF-8''%e2%82%ac.csv`, '') + END,
  part(`${DISPOSITION}"x"\r\ncontent-type: application/json`, '{"a":1}') + END,
  part(`${DISPOSITION}"x"\r\ncontent-transfer-encoding: base64`, 'YQ==') + part(FILE, 'b') + END,
];

const TOKENS = [
  ...[`--${BOUNDARY}`, `\r\n--${BOUNDARY}`, `\r\n--${BOUNDARY}--`, '\r\n\r\n', '\r\n', '--', BOUNDARY],
  ...[
    'content-disposition: form-data; ',
    'content-type: ',
    'name="file"',
    'filename="',
    "filename*=UTF-8''%",
  ],
  ...['application/json', 'text/csv', 'multipart/mixed; boundary=x', 'charset=utf-16le', 'charset="latin1"'],
  ...['name="__proto__"', 'name=""', '; ', '\\"', '%00', '..\\', '../', 'y'.repeat(300)],
];
