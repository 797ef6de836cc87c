import type { Warning } from '../../intake/uploads.ts';
import { FileFault } from '../../schemas/faults.ts';

const OPEN_LAST_LINE: Warning = {
  code: 'OPEN_LAST_LINE',
  message:
    'The last line does not end in a line break, as a file does that was cut off. If rows are missing, send the file again.',
};

/** Spaces, and the Ctrl-Z that DOS programs put at the end of a text. */
export const isBlank = (cell: string) => cell.replaceAll('\u001a', '').trim() === '';

/**
 * Looks at how a file ends: most exports that were interrupted, or sent before they were complete, show it there.
 * @param lastRow the cells behind the last line break; undefined when the text ends in one
 * @throws {FileFault} `TRUNCATED_CSV` when that row has fewer values than the header has columns
 */
export function lookAtEnd(
  lastRow: readonly string[] | undefined,
  line: number,
  columns: number,
): Warning | undefined {
  if (!lastRow || lastRow.every(isBlank)) return undefined;
  if (lastRow.length >= columns) return OPEN_LAST_LINE;
  const message =
    `The file ends in the middle of line ${line}: it has ${lastRow.length} of ${columns} values and no line break. ` +
    'It is cut off: export it again, wait until the export is complete, and send it again.';
  throw new FileFault('TRUNCATED_CSV', message, { line, value: lastRow.join(',').slice(0, 100) });
}
