import { checkFileName, formatOf } from '../../intake/file-name.ts';
import { Refusal } from '../../intake/refusal.ts';
import type { FileFormat } from '../../intake/uploads.ts';

/**
 * Names that clients give to files that are not complete yet. Such a file is staged and counts when it is
 * renamed to its final name. `final` is the name that the form hides, from which the format is known.
 */
interface TemporaryForm {
  readonly usedBy: string;
  readonly pattern: RegExp;
}

const TEMPORARY_FORMS: readonly TemporaryForm[] = [
  { usedBy: 'WinSCP, from 100 KiB on', pattern: /^(?<final>.+)\.filepart$/i },
  { usedBy: 'rclone from 1.63 on', pattern: /^(?<final>.+)\.[0-9a-f]{8}\.partial$/i },
  { usedBy: 'scripts', pattern: /^(?<final>.+)\.(partial|part|tmp|temp|uploading|inprogress)$/i },
  { usedBy: 'Spring Integration', pattern: /^(?<final>.+)\.writing$/i },
  { usedBy: 'lftp with xfer:use-temp-file', pattern: /^\.in\.(?<final>.+)$/i },
  { usedBy: 'Apache Camel and scripts', pattern: /^\.(?<final>[^.].*)\.(tmp|temp|part|swp)$/i },
  { usedBy: 'rsync-like tools', pattern: /^\.(?<final>[^.].*\.(csv|json))\.[A-Za-z0-9]{6}$/i },
  { usedBy: 'Cyberduck with temporary names', pattern: /^(?<final>.+\.(csv|json))-[0-9a-f-]{36}$/i },
];

export type UploadName =
  | { readonly kind: 'final'; readonly format: FileFormat }
  /** `final`: the name that it will be given, as far as the temporary one tells. */
  | { readonly kind: 'temporary'; readonly format: FileFormat; readonly final: string };

/** @throws {Refusal} `BAD_FILE_NAME` when a file of that name could never count. */
export function classifyName(name: string): UploadName {
  checkFileName(name);
  for (const { pattern } of TEMPORARY_FORMS) {
    const hidden = pattern.exec(name)?.groups?.final;
    if (hidden === undefined) continue;
    const format = formatOf(hidden);
    if (format) return { kind: 'temporary', format, final: hidden };
  }
  const format = formatOf(name);
  // `.x.csv` is how editors and sync tools hide what is not finished; nobody exports under such a name.
  if (format && !name.startsWith('.')) return { kind: 'final', format };
  throw new Refusal(
    'BAD_FILE_NAME',
    'Only files that end in .csv or .json are accepted. Rename the file and send it again.',
  );
}
