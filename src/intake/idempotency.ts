import type { Queryable } from '../database/pool.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import { findUpload } from './upload-queries.ts';
import { IDEMPOTENCY_KEY_HOURS, type UploadRecord, type UploadStatus } from './uploads.ts';

/** 1 to 255 printable ASCII characters. */
const KEY = /^[\x20-\x7e]{1,255}$/;

const FIND = `
SELECT id, status, created_at <= now() - make_interval(hours => ${IDEMPOTENCY_KEY_HOURS}) AS expired
  FROM piing.uploads WHERE organization_id = $1 AND idempotency_key = $2 AND status <> 'ABANDONED'`;

const RELEASE = 'UPDATE piing.uploads SET idempotency_key = NULL WHERE id = $1 AND idempotency_key = $2';

interface KeyHolder {
  readonly id: UploadId;
  readonly status: UploadStatus;
  readonly expired: boolean;
}

/** Returns the key when the text can be one. */
export function parseIdempotencyKey(text: string): string | undefined {
  return KEY.test(text) ? text : undefined;
}

/**
 * The organization's upload that holds the key: being received, received, or ended. A key whose time is over is
 * taken from its upload, so that the unique index lets the next one have it; an abandoned upload holds none.
 */
export async function findByIdempotencyKey(
  db: Queryable,
  organizationId: OrganizationId,
  key: string,
): Promise<UploadRecord | undefined> {
  const result = await db.query<KeyHolder>(FIND, [organizationId, key]);
  const holder = result.rows[0];
  if (!holder) return undefined;
  if (holder.expired && holder.status !== 'RECEIVING') {
    await db.query(RELEASE, [holder.id, key]);
    return undefined;
  }
  const upload = await findUpload(db, holder.id, organizationId);
  // It may have been given up between the two queries.
  return upload?.status === 'ABANDONED' ? undefined : upload;
}
