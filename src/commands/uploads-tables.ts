import Table from 'cli-table3';
import type { RowCounts, UploadRecord } from '../intake/uploads.ts';
import type { Fault } from '../schemas/faults.ts';

const BORDER_PARTS = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

/** Plain columns without frames: they can be read, copied and cut with awk. */
export const PLAIN_TABLE = {
  chars: Object.fromEntries(BORDER_PARTS.map((part) => [part, ''])),
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
};

export function uploadsTable(uploads: readonly UploadRecord[]): string {
  if (uploads.length === 0) return 'No uploads.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['UPLOAD', 'BEGUN (UTC)', 'ORGANIZATION', 'SCHEMA', 'FILE', 'FROM', 'SIZE', 'STATUS', 'ROWS'],
  });
  for (const upload of uploads) {
    table.push([
      upload.id,
      time(upload.createdAt),
      upload.organizationId,
      upload.schemaType,
      upload.fileName,
      upload.source,
      size(upload.sizeBytes),
      upload.status,
      rows(upload.rows) || (upload.errors[0]?.code ?? ''),
    ]);
  }
  return table.toString();
}

export function uploadDetails(upload: UploadRecord): string {
  const table = new Table({ ...PLAIN_TABLE });
  const entries: [string, string][] = [
    ['upload', upload.id],
    ['status', upload.retryable ? `${upload.status} (can be run again)` : upload.status],
    ['organization', upload.organizationId],
    ['client', upload.clientId],
    ['schema type', upload.schemaType],
    ['file', `${upload.fileName} (${size(upload.sizeBytes)}, by ${upload.source})`],
    ['SHA-256', upload.sha256 ?? ''],
    [
      'stored as',
      upload.rawRemovedAt
        ? `removed by retention on ${time(upload.rawRemovedAt)}: it cannot be run again`
        : upload.objectKey,
    ],
    ['begun', time(upload.createdAt)],
    ['received', time(upload.receivedAt)],
    ['started', time(upload.startedAt)],
    ['completed', time(upload.completedAt)],
    ['rows', rows(upload.rows)],
    ['same bytes as', upload.duplicateOf ?? ''],
    ...upload.warnings.map((warning): [string, string] => ['warning', warning.message]),
  ];
  for (const [name, value] of entries) if (value !== '') table.push([name, value]);
  const errors = upload.errors.length > 0 ? `\n\n${errorsTable(upload.errors)}` : '';
  return table.toString() + errors;
}

export function errorsTable(errors: readonly Fault[]): string {
  if (errors.length === 0) return 'No errors.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['LINE', 'COLUMN', 'CODE', 'VALUE', 'MESSAGE'],
  });
  for (const { line, column, code, value, message } of errors)
    table.push([line ?? '', column ?? '', code, value ?? '', message]);
  return table.toString();
}

export const time = (date: Date | null): string =>
  date ? date.toISOString().slice(0, 19).replace('T', ' ') : '';

function rows(counts: RowCounts | null): string {
  if (!counts) return '';
  const parts = [`${counts.loaded} loaded`];
  if (counts.unchanged > 0) parts.push(`${counts.unchanged} unchanged`);
  if (counts.rejected > 0) parts.push(`${counts.rejected} rejected`);
  return parts.join(', ');
}

export function size(bytes: number | null): string {
  if (bytes === null) return '';
  if (bytes < 1_024) return `${bytes} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  const exponent = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** exponent).toFixed(1)} ${units[exponent - 1]}`;
}
