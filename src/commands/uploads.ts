import type { Pool } from '../database/pool.ts';
import { findUpload, listErrors, listUploads } from '../intake/upload-queries.ts';
import type { UploadRecord, UploadStatus } from '../intake/uploads.ts';
import type { Settings } from '../settings.ts';
import type { OrganizationId } from '../support/ids.ts';
import { StartupError } from '../support/listen.ts';
import { withControl } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { expectId } from './uploads-rerun.ts';
import { errorsTable, uploadDetails, uploadsTable } from './uploads-tables.ts';

export interface ListOptions {
  readonly organization?: string;
  readonly schema?: string;
  readonly status?: string;
  readonly file?: string;
  readonly limit: number;
  readonly json?: boolean;
}

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

async function expectUpload(pool: Pool, text: string): Promise<UploadRecord> {
  const upload = await findUpload(pool, expectId(text));
  if (!upload) throw new StartupError(`There is no upload ${text}. See them with: piing uploads list`);
  return upload;
}
