import Table from 'cli-table3';
import type { Pool } from '../database/pool.ts';
import { findUpload, listUploads, uploadStatuses } from '../intake/upload-queries.ts';
import { FINAL_STATUSES, type UploadRecord, type UploadStatus } from '../intake/uploads.ts';
import {
  findReplayable,
  type ReplayFilter,
  type ReplayGroup,
  summarizeReplay,
} from '../pipeline/replayable.ts';
import { type Answer, cancelUpload, REPLAYABLE, replayUpload, retryUpload } from '../pipeline/rerun.ts';
import type { Settings } from '../settings.ts';
import { parseUploadId, type UploadId } from '../support/ids.ts';
import { StartupError } from '../support/listen.ts';
import { parseMoment } from '../support/moment.ts';
import { withBothDatabases, withControl } from './control-database.ts';
import { confirm, print, progressBar, toJson } from './terminal.ts';
import { PLAIN_TABLE, size, uploadsTable } from './uploads-tables.ts';

/** More than that many uploads are not run again without a question. */
const ASK_ABOVE = 10;
const ALL_RETRYABLE_LIMIT = 10_000;
/** The table at the end names no more. */
const SHOWN = 50;

interface RerunOptions {
  readonly wait: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function retryCommand(
  settings: Settings,
  ids: readonly string[],
  options: RerunOptions & { readonly allRetryable?: boolean },
): Promise<void> {
  await withControl(settings, async (pool) => {
    if (ids.length === 0 && !options.allRetryable)
      throw new StartupError('Name the uploads to run again, or give --all-retryable.');
    const chosen = options.allRetryable ? await retryable(pool) : ids.map(expectId);
    if (options.allRetryable && chosen.length > ASK_ABOVE)
      await confirm(`Run ${chosen.length} failed uploads again?`, options.yes === true);
    await runAgain(pool, chosen, (id) => retryUpload(pool, id), options);
  });
}

export interface ReplayOptions extends RerunOptions {
  readonly organization?: string;
  readonly schema?: string;
  readonly since: string;
  readonly until?: string;
  readonly status?: string;
  readonly dryRun?: boolean;
}

/** `piing uploads replay`: received files once more through a transformer that was mended. */
export async function replayCommand(settings: Settings, options: ReplayOptions): Promise<void> {
  const filter = replayFilter(options);
  await withBothDatabases(settings, async (control, analytics) => {
    const groups = await summarizeReplay(control, filter);
    if (options.dryRun) return print(options.json ? toJson(groups) : groupsTable(groups));
    const uploads = await findReplayable(control, filter);
    if (!options.json) process.stderr.write(`${groupsTable(groups)}\n`);
    if (uploads.length > ASK_ABOVE)
      await confirm(`Run ${uploads.length} uploads again from their stored files?`, options.yes === true);
    const byId = new Map(uploads.map((upload) => [upload.id, upload]));
    const replay = async (id: UploadId) => {
      const upload = byId.get(id);
      if (!upload) throw new Error(`Upload ${id} was not chosen.`);
      return replayUpload(control, analytics, upload);
    };
    await runAgain(control, [...byId.keys()], replay, options);
  });
}

/** `piing uploads cancel`: waits until nothing works on them any more. */
export async function cancelCommand(
  settings: Settings,
  ids: readonly string[],
  options: { readonly json?: boolean },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const asked = await askEach(ids.map(expectId), (id) => cancelUpload(pool, id), false);
    const records = await waitForEnd(pool, asked, 'Stopping', options.json !== true);
    print(options.json ? toJson(records) : uploadsTable(records));
    const late = records.filter(({ errors }) => errors[0]?.code !== 'CANCELLED');
    for (const { id, status } of late)
      process.stderr.write(`Upload ${id} ended ${status} before it could be stopped.\n`);
    if (late.length > 0 || asked.length < ids.length) process.exitCode = 1;
  });
}

function replayFilter(options: ReplayOptions): ReplayFilter {
  const statuses = options.status?.toUpperCase().split(',') ?? REPLAYABLE;
  const known = REPLAYABLE.filter((status) => statuses.includes(status));
  if (known.length !== statuses.length)
    throw new StartupError(
      `--status takes one or more of ${REPLAYABLE.join(',')}: only uploads that ended can be replayed.`,
    );
  return {
    organizationId: options.organization,
    schemaType: options.schema,
    since: parseMoment(options.since),
    until: options.until === undefined ? undefined : parseMoment(options.until),
    statuses: known,
  };
}

async function retryable(pool: Pool): Promise<UploadId[]> {
  const failed = await listUploads(pool, { status: 'FAILED', limit: ALL_RETRYABLE_LIMIT });
  return failed.filter((upload) => upload.retryable).map((upload) => upload.id);
}

/** Exit code 1 when an upload was refused or failed again. */
async function runAgain(
  pool: Pool,
  ids: readonly UploadId[],
  request: (id: UploadId) => Promise<Answer>,
  options: RerunOptions,
): Promise<void> {
  const interactive = options.json !== true;
  const asked = await askEach(ids, request, interactive);
  const records = options.wait
    ? await waitForEnd(pool, asked, 'Processing', interactive)
    : await recordsOf(pool, asked);
  const shown = uploadsTable(records.slice(0, SHOWN));
  const more = records.length > SHOWN ? `\nand ${records.length - SHOWN} more` : '';
  print(options.json ? toJson(records) : ids.length === 0 ? 'Nothing to run again.' : shown + more);
  if (asked.length < ids.length || records.some(({ status }) => status === 'FAILED')) process.exitCode = 1;
}

/** Says on standard error why one was refused, and goes on with the others. Returns those that were not. */
async function askEach(
  ids: readonly UploadId[],
  request: (id: UploadId) => Promise<Answer>,
  withBar: boolean,
): Promise<UploadId[]> {
  const accepted: UploadId[] = [];
  const refusals: string[] = [];
  const bar = progressBar('Enqueueing', ids.length, withBar && ids.length > ASK_ABOVE);
  try {
    for (const [index, id] of ids.entries()) {
      const answer = await request(id);
      if (answer.done) accepted.push(id);
      else refusals.push(answer.refused);
      bar.update(index + 1);
    }
  } finally {
    bar.stop();
  }
  for (const sentence of refusals) process.stderr.write(`${sentence}\n`);
  return accepted;
}

/** Asks the less often the more there is to wait for. */
async function waitForEnd(
  pool: Pool,
  ids: readonly UploadId[],
  label: string,
  withBar: boolean,
): Promise<UploadRecord[]> {
  const pollMs = ids.length > 100 ? 2_000 : 250;
  const bar = progressBar(label, ids.length, withBar);
  let open = ids;
  try {
    while (open.length > 0) {
      const statuses: Map<UploadId, UploadStatus> = await uploadStatuses(pool, open);
      open = open.filter((id) => !FINAL_STATUSES.has(statuses.get(id) ?? 'ABANDONED'));
      bar.update(ids.length - open.length);
      if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    bar.stop();
  }
  return recordsOf(pool, ids);
}

async function recordsOf(pool: Pool, ids: readonly UploadId[]): Promise<UploadRecord[]> {
  const records: UploadRecord[] = [];
  for (const id of ids) {
    const record = await findUpload(pool, id);
    if (record) records.push(record);
  }
  return records;
}

function groupsTable(groups: readonly ReplayGroup[]): string {
  if (groups.length === 0) return 'No uploads match.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['ORGANIZATION', 'SCHEMA', 'STATUS', 'UPLOADS', 'SIZE', 'FILE REMOVED BY RETENTION'],
  });
  for (const { organizationId, schemaType, status, uploads, bytes, withoutFile } of groups)
    table.push([organizationId, schemaType, status, uploads, size(bytes), withoutFile || '']);
  return table.toString();
}

export function expectId(text: string): UploadId {
  const id = parseUploadId(text);
  if (!id)
    throw new StartupError(`${JSON.stringify(text)} is not an upload id. See them with: piing uploads list`);
  return id;
}
