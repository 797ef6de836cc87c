import { FileFault } from '../../schemas/faults.ts';
import { refuseOtherKinds } from './file-kind.ts';

const LF = 0x0a;

/**
 * Decodes a file as UTF-8, without its byte order mark. Everything after this is text that PostgreSQL takes.
 * @throws {FileFault} `UTF16` and other kinds of files, `INVALID_UTF8` or `NUL_BYTE`, with the line
 */
export async function* decodeUtf8(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let first = true;
  let before: Uint8Array = new Uint8Array();
  for await (const chunk of source) {
    if (first && chunk.length > 0) {
      refuseOtherKinds(chunk);
      first = false;
    }
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw invalidUtf8(before, chunk, line);
    }
    if (text.includes('\0')) throw nulByte(text, line);
    line += countLines(chunk);
    before = chunk.length >= 3 ? chunk.subarray(-3) : Buffer.concat([before, chunk]).subarray(-3);
    if (text !== '') yield text;
  }
  try {
    decoder.decode();
  } catch {
    throw new FileFault(
      'INVALID_UTF8',
      'The file ends in the middle of a character. It is cut off: send it again.',
      { line },
    );
  }
}

function invalidUtf8(before: Uint8Array, chunk: Uint8Array, line: number): FileFault {
  const bytes = Buffer.concat([before, chunk]);
  const at = firstInvalid(bytes);
  const hex = (bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0');
  const on = line + countLines(bytes.subarray(before.length, Math.max(before.length, at)));
  const message = `Line ${on} has a byte (0x${hex}) that is not UTF-8. Export the file as UTF-8: it looks like Windows-1252 or Latin-1.`;
  return new FileFault('INVALID_UTF8', message, { line: on });
}

/** The offset of the first byte that belongs to no character; bytes before a character's start are skipped. */
function firstInvalid(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length =
      lead < 0x80
        ? 1
        : lead >= 0xc2 && lead < 0xe0
          ? 2
          : lead >= 0xe0 && lead < 0xf0
            ? 3
            : lead >= 0xf0 && lead < 0xf5
              ? 4
              : 0;
    if (length === 0 && at < 3 && lead >= 0x80 && lead < 0xc0) at += 1;
    else if (length === 0 || !decodes(bytes.subarray(at, at + length))) return at;
    else at += length;
  }
  return bytes.length - 1;
}

function decodes(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function nulByte(text: string, line: number): FileFault {
  const on = line + (text.slice(0, text.indexOf('\0')).match(/\n/g)?.length ?? 0);
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
