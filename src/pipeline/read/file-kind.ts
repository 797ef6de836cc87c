import type { FileFaultCode } from '../../schemas/fault-catalogue.ts';
import { FileFault } from '../../schemas/faults.ts';

interface Kind {
  readonly startsWith: readonly number[];
  readonly code: FileFaultCode;
  readonly message: string;
}

const SAVE_AS_CSV =
  'Open it and save it as "CSV UTF-8 (comma delimited)", or export the data as CSV or JSON.';
const UTF16 =
  'The file is UTF-16 ("Unicode text"). Export it as "CSV UTF-8", or choose UTF-8 as its encoding.';

/** What people send under a name that ends in .csv, by its first bytes. */
const KINDS: readonly Kind[] = [
  // A UTF-16 mark followed by two NULs; looked for first, because it begins like UTF-16.
  {
    startsWith: [0xff, 0xfe, 0, 0],
    code: 'UTF32',
    message: 'The file is UTF-32. Choose UTF-8 as its encoding and export it again.',
  },
  { startsWith: [0xff, 0xfe], code: 'UTF16', message: UTF16 },
  { startsWith: [0xfe, 0xff], code: 'UTF16', message: UTF16 },
  {
    startsWith: [0x50, 0x4b, 0x03, 0x04],
    code: 'NOT_TEXT',
    message: `The file is an Excel workbook or a ZIP archive, whatever its name says. ${SAVE_AS_CSV}`,
  },
  {
    startsWith: [0xd0, 0xcf, 0x11, 0xe0],
    code: 'NOT_TEXT',
    message: `The file is an old Excel workbook (.xls), whatever its name says. ${SAVE_AS_CSV}`,
  },
  {
    startsWith: [0x25, 0x50, 0x44, 0x46],
    code: 'NOT_TEXT',
    message: 'The file is a PDF, whatever its name says. Export the data as CSV or JSON.',
  },
  {
    startsWith: [0x1f, 0x8b],
    code: 'NOT_TEXT',
    message: 'The file is compressed (gzip), whatever its name says. Unpack it and send what is inside.',
  },
];

/** @throws {FileFault} for a file that is no UTF-8 text by its first bytes, in the words of who exported it */
export function refuseOtherKinds(chunk: Uint8Array): void {
  const kind = KINDS.find(({ startsWith }) => startsWith.every((byte, index) => chunk[index] === byte));
  if (kind) throw new FileFault(kind.code, kind.message, { line: 1 });
  const [a, b, c, d] = chunk;
  // UTF-16 without a mark has a NUL in every second byte.
  const isUtf16 =
    chunk.length >= 4 &&
    ((b === 0 && d === 0 && a !== 0 && c !== 0) || (a === 0 && c === 0 && b !== 0 && d !== 0));
  if (isUtf16) throw new FileFault('UTF16', UTF16, { line: 1 });
}
