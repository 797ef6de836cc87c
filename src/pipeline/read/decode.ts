import { isUtf8 } from 'node:buffer';
import { FileFault } from '../../schemas/faults.ts';
import { refuseOtherKinds } from './file-kind.ts';

const LF = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Enough to tell UTF-16 and a byte order mark. */
const FIRST_BYTES = 4;

/**
 * Passes a file's bytes on when they are UTF-8 that PostgreSQL takes, without a byte order mark, cut between
 * characters only.
 * @param least bytes of each piece but the last: sources with small pieces would make readers start over too often
 * @throws {FileFault} `UTF16` and other kinds of files, `INVALID_UTF8` or `NUL_BYTE`, with the line
 */
export async function* checkUtf8(
  source: AsyncIterable<Uint8Array>,
  least = FIRST_BYTES,
): AsyncGenerator<Buffer> {
  let line = 1;
  let first = true;
  /** The beginning of a character whose end has not come yet. */
  let cut: Buffer = Buffer.alloc(0);
  for await (const piece of gather(source, Math.max(least, FIRST_BYTES))) {
    let chunk = cut.length > 0 ? Buffer.concat([cut, piece]) : piece;
    if (first) {
      refuseOtherKinds(chunk);
      if (chunk.indexOf(BYTE_ORDER_MARK) === 0) chunk = chunk.subarray(BYTE_ORDER_MARK.length);
      first = false;
    }
    const end = chunk.length - cutCharacter(chunk);
    cut = Buffer.from(chunk.subarray(end));
    const whole = chunk.subarray(0, end);
    if (!isUtf8(whole)) throw invalidUtf8(whole, line);
    const nul = whole.indexOf(0);
    if (nul !== -1) throw nulByte(line + countLines(whole.subarray(0, nul)));
    line += countLines(whole);
    if (whole.length > 0) yield whole;
  }
  if (cut.length === 0) return;
  const message = 'The file ends in the middle of a character. It is cut off: send it again.';
  throw new FileFault('INVALID_UTF8', message, { line });
}

async function* gather(source: AsyncIterable<Uint8Array>, least: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes < least) {
      // A copy, because a source may use the memory again.
      held.push(Buffer.from(piece));
      continue;
    }
    held.push(piece);
    yield joined(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield joined(held);
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [piece] = pieces;
  if (piece === undefined || pieces.length > 1) return Buffer.concat(pieces);
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
}

/** Decodes what {@link checkUtf8} has passed. */
export async function* decodeUtf8(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const chunk of bytes) yield chunk.toString('utf8');
}

/** Bytes of a character at the end that needs more than have come. */
function cutCharacter(chunk: Buffer): number {
  for (let back = 1; back <= Math.min(3, chunk.length); back += 1) {
    const byte = chunk[chunk.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return characterLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Bytes of the character that begins with this one; 1 for those that begin none. */
function characterLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function invalidUtf8(bytes: Buffer, line: number): FileFault {
  const at = firstInvalid(bytes);
  const hex = (bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0');
  const on = line + countLines(bytes.subarray(0, at));
  const message = `Line ${on} has a byte (0x${hex}) that is not UTF-8. Export the file as UTF-8: it looks like Windows-1252 or Latin-1.`;
  return new FileFault('INVALID_UTF8', message, { line: on });
}

/** The offset of the first byte that belongs to no character. */
function firstInvalid(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes[at] as number);
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return bytes.length - 1;
}

function nulByte(on: number): FileFault {
  return new FileFault(
    'NUL_BYTE',
    `Line ${on} has a NUL byte. The file is damaged or not text: export it again.`,
    { line: on },
  );
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count += 1;
  return count;
}
