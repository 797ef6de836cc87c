import { uploadView } from '../api/upload-views.ts';
import type { Queryable } from '../database/pool.ts';
import { findUpload } from '../intake/upload-queries.ts';
import { newDeliveryId, type OrganizationId, type UploadId } from '../support/ids.ts';
import { messageBody } from './messages.ts';

/** Tells senders that there may be something to do. */
export const WEBHOOK_CHANNEL = 'piing_webhooks';

interface Subscribed {
  readonly organizationId: OrganizationId;
  readonly endpoint: string;
  readonly type: string;
}

const FIND_SUBSCRIBED = `
SELECT e.organization_id AS "organizationId", e.name AS endpoint, ended.type
  FROM (SELECT organization_id, 'upload.' || lower(status) AS type FROM piing.uploads WHERE id = $1) ended
  JOIN piing.organizations o ON o.id = ended.organization_id AND o.deleted_at IS NULL
  JOIN piing.webhook_endpoints e ON e.organization_id = o.id
 WHERE e.disabled_at IS NULL AND ended.type = ANY (e.events)`;

const INSERT = `
INSERT INTO piing.webhook_deliveries (id, organization_id, endpoint, upload_id, type, body)
VALUES ($1, $2, $3, $4, $5, $6)`;

/**
 * Puts a message into the outbox for every webhook that wants to hear how this upload ended. Called last in the
 * transaction that ends it: there is no end without its messages, and no message of an end that did not happen.
 */
export async function announceUpload(db: Queryable, id: UploadId): Promise<void> {
  const { rows } = await db.query<Subscribed>(FIND_SUBSCRIBED, [id]);
  const upload = rows.length > 0 ? await findUpload(db, id) : undefined;
  if (!upload) return;
  for (const { organizationId, endpoint, type } of rows) {
    const body = messageBody(type, upload.completedAt ?? new Date(), uploadView(upload));
    await db.query(INSERT, [newDeliveryId(), organizationId, endpoint, id, type, body]);
  }
  await db.query('SELECT pg_notify($1, $2)', [WEBHOOK_CHANNEL, '']);
}
