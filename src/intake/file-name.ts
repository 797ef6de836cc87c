import { Refusal } from './refusal.ts';
import type { FileFormat } from './uploads.ts';

/** Bytes of UTF-8; what common file systems allow. */
const MAX_NAME_BYTES = 255;

/** Unicode controls, line separators, and directional overrides that make a name look like another. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufffd]/u;

/** The format by the name's end, in any case; undefined for every other name. */
export function formatOf(fileName: string): FileFormat | undefined {
  const extension = /\.(csv|json)$/i.exec(fileName)?.[1]?.toLowerCase();
  return extension === 'csv' || extension === 'json' ? extension : undefined;
}

/** @throws {Refusal} `BAD_FILE_NAME` for names that are too long, not UTF-8 or not printable. */
export function checkFileName(fileName: string): void {
  if (fileName === '' || fileName === '.' || fileName === '..')
    throw new Refusal('BAD_FILE_NAME', 'The file needs a name.');
  if (Buffer.byteLength(fileName) > MAX_NAME_BYTES) {
    throw new Refusal('BAD_FILE_NAME', `The file name is longer than ${MAX_NAME_BYTES} bytes. Shorten it.`);
  }
  if (UNSAFE.test(fileName) || /[/\\]/.test(fileName)) {
    throw new Refusal(
      'BAD_FILE_NAME',
      'The file name has a slash, a control character or is not UTF-8. Rename the file.',
    );
  }
}
