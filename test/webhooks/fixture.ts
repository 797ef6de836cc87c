import { Webhook } from 'standardwebhooks';
import type { Pool } from '../../src/database/pool.ts';
import { finishProcessing, type Result } from '../../src/pipeline/progress.ts';
import { newInstanceId, newUploadId, type OrganizationId, type UploadId } from '../../src/support/ids.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import type { WebhookSpec } from '../../src/tenancy/resources.ts';
import { generateWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { listDeliveries } from '../../src/webhooks/queries.ts';
import {
  startWebhookSender,
  type WebhookSender,
  type WebhookSenderOptions,
} from '../../src/webhooks/sender.ts';
import type { TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { silentLogger } from '../support/logger.ts';
import { Deliveries, organization } from '../tenancy/fixture.ts';
import type { Received } from './receiver.ts';

const ALL_EVENTS = (['completed', 'partially_completed', 'failed', 'abandoned'] as const).map(
  (ending) => `upload.${ending}` as const,
);

export function webhook(name: string, url: string, events: WebhookSpec['events'] = ALL_EVENTS): WebhookSpec {
  return { name, url, secretRef: { name: `${name}-secret`, key: 'secret' }, events };
}

export interface HookedOrganization {
  readonly id: OrganizationId;
  readonly secret: string;
}

let count = 0;

/** An organization with webhooks, all with one secret. */
export async function hookedOrganization(
  pool: Pool,
  ...webhooks: readonly WebhookSpec[]
): Promise<HookedOrganization> {
  const id = `hooked-${process.pid}-${++count}` as OrganizationId;
  const secret = generateWebhookSecret();
  await applyOrganization(pool, organization(id, { webhooks }), new Deliveries().deliver, {
    webhookSecrets: { read: async () => secret },
  });
  return { id, secret };
}

/** An acknowledged upload on its way through the pipeline. */
export async function newUpload(
  pool: Pool,
  organizationId: OrganizationId,
  status: 'RECEIVING' | 'PROCESSING' = 'PROCESSING',
): Promise<UploadId> {
  const id = newUploadId();
  await pool.query(
    `INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source, instance_id,
                                object_key, status, size_bytes, sha256, received_at, started_at)
     VALUES ($1, $2, 'piing_x', 'orgTransactions', 'feb.csv', 'csv', 'sftp', $3, 'raw/x', $4, 10, '\\x00', now(), now())`,
    [id, organizationId, newInstanceId(), status],
  );
  return id;
}

export const COMPLETED: Result = {
  status: 'COMPLETED',
  rows: { total: 10, loaded: 10, unchanged: 0, rejected: 0 },
  faults: [],
  warnings: [],
  retryable: false,
  hasReport: false,
};

/** An upload that ends now, as the pipeline ends it. */
export async function endUpload(
  pool: Pool,
  organizationId: OrganizationId,
  result: Partial<Result> = {},
): Promise<UploadId> {
  const id = await newUpload(pool, organizationId);
  await finishProcessing(pool, id, { ...COMPLETED, ...result });
  return id;
}

type Tuning = NonNullable<WebhookSenderOptions['tuning']>;

/** In milliseconds, where the real one has hours. */
export const QUICK_RETRIES = { first: 50, factor: 2, longest: 400, giveUpAfter: 3_600_000 };

export function startSender(
  database: TestDatabase,
  options: Partial<WebhookSenderOptions> = {},
  tuning: Tuning = {},
): WebhookSender & { readonly metrics: Metrics } {
  const metrics = options.metrics ?? createMetrics();
  const sender = startWebhookSender({
    url: database.url,
    pool: database.pool,
    logger: silentLogger,
    allowedRanges: ['127.0.0.0/8'],
    auditDays: 7,
    tuning: { schedule: QUICK_RETRIES, timeoutMs: 1_000, connectTimeoutMs: 500, pollMs: 20, ...tuning },
    ...options,
    metrics,
  });
  return { ...sender, metrics };
}

/** Waits until the organization has no message on its way, and returns all of them, oldest first. */
export function settled(pool: Pool, organizationId: OrganizationId) {
  return until(async () => {
    const deliveries = await listDeliveries(pool, { organizationId, limit: 1_000 });
    return deliveries.some(({ state }) => state === 'PENDING') ? undefined : deliveries.reverse();
  });
}

/** Checks the signature as a receiver would, and returns the message. */
export function verified(secret: string, { headers, body }: Received) {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}
