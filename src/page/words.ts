import type { Upload, UploadStatus } from './wire.ts';

/** How an upload stands, for colour and symbol: never the only sign, the sentence says it too. */
export type Mood = 'good' | 'mixed' | 'bad' | 'busy';

const MOODS: Readonly<Record<UploadStatus, Mood>> = {
  RECEIVING: 'busy',
  PENDING: 'busy',
  PROCESSING: 'busy',
  COMPLETED: 'good',
  PARTIALLY_COMPLETED: 'mixed',
  FAILED: 'bad',
  ABANDONED: 'bad',
};

/** The states as the search offers them. */
export const STATE_NAMES: Readonly<Record<UploadStatus, string>> = {
  COMPLETED: 'Loaded',
  PARTIALLY_COMPLETED: 'Loaded in part',
  FAILED: 'Not loaded',
  PROCESSING: 'Being loaded',
  PENDING: 'Waiting its turn',
  RECEIVING: 'Being received',
  ABANDONED: 'Not received',
};

export const moodOf = (upload: Upload): Mood => MOODS[upload.status];
export const isOver = (upload: Upload): boolean => moodOf(upload) !== 'busy';

/** The state of an upload in plain words. */
export function stateOf(upload: Upload): string {
  switch (upload.status) {
    case 'RECEIVING':
      return 'Is being received.';
    case 'PENDING':
      return 'Received. Waiting its turn.';
    case 'PROCESSING':
      return 'Is being checked and loaded.';
    case 'ABANDONED':
      return notReceived(upload);
    case 'FAILED':
      return upload.retryable
        ? 'Not loaded, through no fault of the file. Your Piing administrator can run it again.'
        : 'Nothing was loaded. Mend the file and send it again.';
    case 'COMPLETED':
    case 'PARTIALLY_COMPLETED':
      return loaded(upload.rows);
  }
}

/** A file that was refused or broken off: the reason is its only error. */
function notReceived({ errors: [reason] }: Upload): string {
  if (!reason) return 'Broken off before the whole file had arrived. Nothing was loaded: send it again.';
  return reason.line === null
    ? `Not received. ${reason.message}`
    : 'Not accepted. Nothing was loaded. Mend the file and send it again.';
}

/** What is to be shown as a table: not the reason that the sentence has told already. */
export const faultsOf = (upload: Upload): Upload['errors'] =>
  upload.status === 'ABANDONED' && upload.errors[0]?.line === null ? [] : upload.errors;

function loaded(rows: Upload['rows']): string {
  if (!rows) return 'Loaded.';
  const { total, loaded: news, unchanged, rejected } = rows;
  const taken = news + unchanged;
  const old = notNew(unchanged, taken);
  if (rejected > 0) return `Loaded ${count(taken)} of ${counted(total, 'row')}${old}. ${attention(rejected)}`;
  return `Loaded ${taken === 1 ? 'the only row' : `all ${count(taken)} rows`}${old}.`;
}

function attention(rejected: number): string {
  return `${counted(rejected, 'row')} ${rejected === 1 ? 'needs' : 'need'} attention.`;
}

/** Rows that were there with the same values, or that a later row of the same key stands for. */
function notNew(unchanged: number, taken: number): string {
  if (unchanged === 0) return '';
  if (taken === 1) return ', which was not new';
  return unchanged === taken ? ', none of them new' : `, ${count(unchanged)} of them not new`;
}

const numbers = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const count = (value: number): string => numbers.format(value);
export const counted = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
/** In the reader's own time zone and manner. */
export const time = (when: string | Date): string => times.format(new Date(when));
/** When the upload began, which its id tells (UUID version 7: the first 48 bits are milliseconds). */
export const beganAt = ({ uploadId }: Upload): Date =>
  new Date(Number.parseInt(uploadId.replace('-', '').slice(0, 12), 16));

/** 1 KB is 1024 bytes, as file managers count. */
export function size(bytes: number): string {
  const units = ['KB', 'MB', 'GB', 'TB'];
  if (bytes < 1024) return counted(bytes, 'byte');
  let value = bytes;
  let unit = 'bytes';
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : count(Math.round(value))} ${unit}`;
}

export const sentBy = (upload: Upload): string => (upload.source === 'sftp' ? 'SFTP' : 'web');
