import type { MultipartFile } from '@fastify/multipart';
import { formatOf } from '../intake/file-name.ts';
import type { FileFormat } from '../intake/uploads.ts';
import { Problem } from './problems.ts';

/** What the headers of a file's part say of it. */
export interface FileDescription {
  readonly fileName: string;
  readonly format: FileFormat;
}

const FORMAT_BY_TYPE: Readonly<Record<string, FileFormat>> = {
  'text/csv': 'csv',
  'application/csv': 'csv',
  'application/json': 'json',
};

/** @throws {Problem} when the part is not the file, has no name, or is neither CSV nor JSON */
export function describeFile({ fieldname, filename, mimetype }: MultipartFile): FileDescription {
  if (fieldname !== 'file')
    throw new Problem('MISSING_FILE', 'Send the file as the part "file"; no other part may be one.');
  // Browsers send an empty name when no file was chosen. Directories have been stripped by the parser.
  if (!filename) throw new Problem('MISSING_FILE', 'The part "file" has no file name. Was a file chosen?');
  const format = formatOf(filename) ?? FORMAT_BY_TYPE[mimetype.toLowerCase()];
  if (!format) {
    throw new Problem(
      'UNSUPPORTED_FILE_FORMAT',
      'Files are CSV or JSON: the name ends in .csv or .json, or the part has the type text/csv or application/json.',
    );
  }
  return { fileName: filename, format };
}
