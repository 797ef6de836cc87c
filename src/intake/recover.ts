import { createHash } from 'node:crypto';
import { insertJobs, JOBS_CHANNEL } from '../database/job-queue.ts';
import type { Pool } from '../database/pool.ts';
import { parseRawObjectKey, type RawStore, type StoredObject } from '../storage/raw-store.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';

/** What was found for one object that no record accounts for. */
export interface RecoveredUpload {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly schemaType: string;
  readonly sizeBytes: number;
  readonly receivedAt: Date;
  /** `recovered`, or why not. */
  readonly outcome: 'recovered' | 'found' | 'unknown-organization';
}

export interface RecoverOptions {
  readonly control: Pool;
  readonly store: RawStore;
  /** Only tells what would be done. */
  readonly dryRun: boolean;
  readonly onObjects: (count: number) => void;
}

// A record from before the backup that was still being received counts as missing: its file has arrived since.
const FIND_KNOWN = `
SELECT id FROM piing.uploads WHERE id = ANY($1::uuid[]) AND (status <> 'RECEIVING' OR instance_id IN (
  SELECT i.id FROM piing.instances i WHERE i.seen_at > now() - interval '1 minute'))`;

const FIND_ORGANIZATIONS = 'SELECT id FROM piing.organizations';

// The name and the sender were in the lost record only.
const RECOVER = `
WITH recovered AS (
  INSERT INTO piing.uploads AS u (id, organization_id, client_id, schema_type, file_name, format, source, instance_id,
                                  object_key, status, size_bytes, sha256, received_at)
  VALUES ($1, $2, 'recovered', $3, $4, $5, 'sftp', $1, $6, 'PENDING', $7, $8, $9)
  ON CONFLICT (id) DO UPDATE
     SET status = 'PENDING', size_bytes = EXCLUDED.size_bytes, sha256 = EXCLUDED.sha256, received_at = EXCLUDED.received_at
   WHERE u.status = 'RECEIVING'
  RETURNING u.id, u.organization_id, u.schema_type, u.size_bytes
), job AS (${insertJobs('recovered', 'by size')})
SELECT pg_notify('${JOBS_CHANNEL}', 'ready') FROM job`;

/**
 * Finds stored files that the control database does not know, as after it was restored from a backup, and has them
 * processed. To be run before workers start: their sweeper takes unfinished records of the backup for abandoned files
 * and removes the objects. Running it twice changes nothing more.
 */
export async function* recoverUploads(options: RecoverOptions): AsyncGenerator<RecoveredUpload> {
  const { control, store, onObjects } = options;
  const { rows } = await control.query<{ id: OrganizationId }>(FIND_ORGANIZATIONS);
  const organizations = new Set(rows.map(({ id }) => id));
  for await (const page of store.list('raw/')) {
    onObjects(page.length);
    for (const object of await withoutRecord(control, page))
      yield await recover(options, object, organizations);
  }
}

type Parsed = NonNullable<ReturnType<typeof parseRawObjectKey>> & StoredObject;

async function withoutRecord(control: Pool, page: readonly StoredObject[]): Promise<Parsed[]> {
  const parsed = page.flatMap((object) => {
    const parts = parseRawObjectKey(object.key);
    return parts ? [{ ...object, ...parts }] : [];
  });
  const ids = parsed.map(({ uploadId }) => uploadId);
  const known = await control.query<{ id: UploadId }>(FIND_KNOWN, [ids]);
  const found = new Set(known.rows.map(({ id }) => id));
  return parsed.filter(({ uploadId }) => !found.has(uploadId));
}

async function recover(
  { control, store, dryRun }: RecoverOptions,
  object: Parsed,
  organizations: ReadonlySet<string>,
): Promise<RecoveredUpload> {
  const { uploadId: id, organizationId, schemaType, format, key, sizeBytes, modifiedAt } = object;
  const told = { id, organizationId, schemaType, sizeBytes, receivedAt: modifiedAt };
  if (!organizations.has(organizationId)) return { ...told, outcome: 'unknown-organization' };
  if (dryRun) return { ...told, outcome: 'found' };
  const hash = createHash('sha256');
  for await (const chunk of await store.read(key)) hash.update(chunk as Buffer);
  await control.query(RECOVER, [
    ...[id, organizationId, schemaType, `recovered-${id}.${format}`, format, key, sizeBytes],
    hash.digest(),
    modifiedAt,
  ]);
  return { ...told, outcome: 'recovered' };
}
