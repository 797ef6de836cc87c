import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import cliProgress from 'cli-progress';
import { openJobSender } from '../database/job-queue.ts';
import { createPool, inTransaction, type Pool } from '../database/pool.ts';
import { findUpload, listErrors, listUploads, uploadStatuses } from '../intake/upload-queries.ts';
import { FINAL_STATUSES, type UploadRecord, type UploadStatus } from '../intake/uploads.ts';
import { reopenUpload } from '../pipeline/progress.ts';
import type { Settings } from '../settings.ts';
import { type OrganizationId, parseUploadId, type UploadId } from '../support/ids.ts';
import { StartupError } from '../support/listen.ts';
import { errorsTable, uploadDetails, uploadsTable } from './uploads-tables.ts';
import { roleLogger } from './world.ts';

export interface ListOptions {
  readonly organization?: string;
  readonly schema?: string;
  readonly status?: string;
  readonly file?: string;
  readonly limit: number;
  readonly json?: boolean;
}

const POLL_MS = 250;
const ALL_RETRYABLE_LIMIT = 10_000;

export async function listCommand(settings: Settings, options: ListOptions): Promise<void> {
  await withControl(settings, async (pool) => {
    const found = await listUploads(pool, {
      organizationId: options.organization as OrganizationId | undefined,
      schemaType: options.schema,
      status: options.status?.toUpperCase() as UploadStatus | undefined,
      fileName: options.file,
      limit: options.limit,
    });
    print(options.json ? toJson(found) : uploadsTable(found));
  });
}

export async function showCommand(
  settings: Settings,
  id: string,
  options: { readonly json?: boolean },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const upload = await expectUpload(pool, id);
    print(options.json ? toJson(upload) : uploadDetails(upload));
  });
}

export async function showErrorsCommand(
  settings: Settings,
  id: string,
  options: { readonly json?: boolean; readonly limit: number },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const upload = await expectUpload(pool, id);
    const errors = await listErrors(pool, upload.id, 0, options.limit);
    print(options.json ? toJson(errors) : errorsTable(errors));
  });
}

export async function retryCommand(
  settings: Settings,
  ids: readonly string[],
  options: { readonly allRetryable?: boolean; readonly wait: boolean; readonly json?: boolean },
): Promise<void> {
  await withControl(settings, async (pool, url) => {
    const chosen = options.allRetryable ? await retryable(pool) : ids.map(expectId);
    if (chosen.length === 0 && !options.allRetryable)
      throw new StartupError('Name the uploads to run again, or give --all-retryable.');
    await enqueueAll(settings, pool, url, chosen);
    const statuses = options.wait
      ? await waitForAll(pool, chosen, options.json !== true)
      : await uploadStatuses(pool, chosen);
    const ended = await Promise.all(chosen.map((id) => findUpload(pool, id)));
    const records = ended.filter((record): record is UploadRecord => record !== undefined);
    print(
      options.json ? toJson(records) : chosen.length === 0 ? 'Nothing to run again.' : uploadsTable(records),
    );
    if ([...statuses.values()].includes('FAILED')) process.exitCode = 1;
  });
}

async function retryable(pool: Pool): Promise<UploadId[]> {
  const failed = await listUploads(pool, { status: 'FAILED', limit: ALL_RETRYABLE_LIMIT });
  return failed.filter((upload) => upload.retryable).map((upload) => upload.id);
}

/** Status and job change together: an upload is never PENDING without a job. */
async function enqueueAll(
  settings: Settings,
  pool: Pool,
  url: string,
  ids: readonly UploadId[],
): Promise<void> {
  const queue = await openJobSender(url, roleLogger(settings, 'uploads'));
  try {
    for (const id of ids) {
      await inTransaction(pool, async (client) => {
        const organizationId = await reopenUpload(client, id);
        if (!organizationId)
          throw new StartupError(`Upload ${id} is not FAILED. See it with: piing uploads show ${id}`);
        await queue.send(client, { uploadId: id, organizationId });
      });
    }
  } finally {
    await queue.close();
  }
}

async function waitForAll(
  pool: Pool,
  ids: readonly UploadId[],
  withBar: boolean,
): Promise<Map<UploadId, UploadStatus>> {
  const bar = new cliProgress.SingleBar({
    format: 'Processing {bar} {value}/{total}',
    noTTYOutput: false,
    stream: process.stderr,
  });
  if (withBar) bar.start(ids.length, 0);
  try {
    for (;;) {
      const statuses = await uploadStatuses(pool, ids);
      const ended = [...statuses.values()].filter((status) => FINAL_STATUSES.has(status)).length;
      if (withBar) bar.update(ended);
      if (ended === statuses.size) return statuses;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    if (withBar) bar.stop();
  }
}

async function withControl(
  settings: Settings,
  work: (pool: Pool, url: string) => Promise<void>,
): Promise<void> {
  const url = await controlUrl(settings);
  const logger = roleLogger(settings, 'uploads');
  const pool = createPool({
    url,
    applicationName: 'piing-uploads',
    max: 4,
    statementTimeoutMs: 30_000,
    logger,
  });
  try {
    await work(pool, url);
  } finally {
    await pool.end();
  }
}

/** DATABASE_URL, else the database of the standalone gateway that runs in PIING_DATA_DIR. */
async function controlUrl(settings: Settings): Promise<string> {
  if (settings.DATABASE_URL) return settings.DATABASE_URL;
  const file = join(settings.PIING_DATA_DIR, 'endpoints.json');
  try {
    const { database } = JSON.parse(await readFile(file, 'utf8')) as { database: { url: string } };
    return database.url;
  } catch (error) {
    throw new StartupError(`DATABASE_URL is not set, and no standalone gateway runs here (${file}).`, {
      cause: error,
    });
  }
}

function expectId(text: string): UploadId {
  const id = parseUploadId(text);
  if (!id)
    throw new StartupError(`${JSON.stringify(text)} is not an upload id. See them with: piing uploads list`);
  return id;
}

async function expectUpload(pool: Pool, text: string): Promise<UploadRecord> {
  const upload = await findUpload(pool, expectId(text));
  if (!upload) throw new StartupError(`There is no upload ${text}. See them with: piing uploads list`);
  return upload;
}

const toJson = (value: unknown): string => JSON.stringify(value, null, 2);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
