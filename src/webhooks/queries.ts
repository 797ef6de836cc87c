import type { Queryable } from '../database/pool.ts';
import { type DeliveryId, newDeliveryId, type OrganizationId, type UploadId } from '../support/ids.ts';
import { WEBHOOK_CHANNEL } from './announce.ts';
import type { DeliveryFault } from './delivery-error.ts';
import { messageBody, TEST_MESSAGE } from './messages.ts';

/** A webhook as administrators see it. */
export interface EndpointRecord {
  readonly organizationId: OrganizationId;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  /** Two or more while a rotation overlaps; none: messages wait for one. */
  readonly secrets: number;
  readonly disabledAt: Date | null;
  readonly failingSince: Date | null;
  readonly pending: number;
}

export interface DeliveryRecord {
  readonly id: DeliveryId;
  readonly organizationId: OrganizationId;
  readonly endpoint: string;
  readonly uploadId: UploadId | null;
  readonly type: string;
  readonly state: 'PENDING' | 'DELIVERED' | 'GIVEN_UP' | 'CANCELLED';
  readonly createdAt: Date;
  /** Null when it has ended. */
  readonly dueAt: Date | null;
  readonly endedAt: Date | null;
  readonly attempts: readonly AttemptRecord[];
}

export interface AttemptRecord {
  readonly attempt: number;
  /** RFC 3339. */
  readonly at: string;
  readonly status: number | null;
  readonly durationMs: number;
  /** Null: delivered. */
  readonly error: DeliveryFault | null;
}

export interface DeliveryFilter {
  readonly organizationId?: OrganizationId | undefined;
  readonly endpoint?: string | undefined;
  readonly state?: string | undefined;
  readonly id?: DeliveryId | undefined;
  readonly limit: number;
}

const LIST_ENDPOINTS = `
SELECT e.organization_id AS "organizationId", e.name, e.url, e.events, e.disabled_at AS "disabledAt",
       e.failing_since AS "failingSince",
       (SELECT count(*) FROM piing.webhook_secrets s
         WHERE s.organization_id = e.organization_id AND s.endpoint = e.name
           AND (s.valid_until IS NULL OR s.valid_until > now())) AS secrets,
       (SELECT count(*) FROM piing.webhook_deliveries d
         WHERE d.organization_id = e.organization_id AND d.endpoint = e.name AND d.state = 'PENDING') AS pending
  FROM piing.webhook_endpoints e
 WHERE ($1::text IS NULL OR e.organization_id = $1) AND ($2::text IS NULL OR e.name = $2)
 ORDER BY 1, 2`;

const LIST_DELIVERIES = `
SELECT d.id, d.organization_id AS "organizationId", d.endpoint, d.upload_id AS "uploadId", d.type, d.state,
       d.created_at AS "createdAt", CASE WHEN d.state = 'PENDING' THEN d.due_at END AS "dueAt",
       d.ended_at AS "endedAt",
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'at', a.at, 'status', a.status_code,
                                                     'durationMs', a.duration_ms, 'error', a.error)
                                  ORDER BY a.attempt), '[]')
          FROM piing.webhook_attempts a WHERE a.delivery_id = d.id) AS attempts
  FROM piing.webhook_deliveries d
 WHERE ($1::text IS NULL OR d.organization_id = $1) AND ($2::text IS NULL OR d.endpoint = $2)
   AND ($3::text IS NULL OR d.state = $3) AND ($4::uuid IS NULL OR d.id = $4)
 ORDER BY d.id DESC LIMIT $5`;

const INSERT_TEST = `
INSERT INTO piing.webhook_deliveries (id, organization_id, endpoint, type, body) VALUES ($1, $2, $3, $4, $5)`;

const ENABLE = `
UPDATE piing.webhook_endpoints SET disabled_at = NULL WHERE organization_id = $1 AND name = $2`;

export async function listEndpoints(
  db: Queryable,
  organizationId?: OrganizationId,
  name?: string,
): Promise<EndpointRecord[]> {
  const { rows } = await db.query<EndpointRecord>(LIST_ENDPOINTS, [organizationId ?? null, name ?? null]);
  return rows;
}

/** Newest first. */
export async function listDeliveries(db: Queryable, filter: DeliveryFilter): Promise<DeliveryRecord[]> {
  const { organizationId, endpoint, state, id, limit } = filter;
  const parameters = [organizationId ?? null, endpoint ?? null, state ?? null, id ?? null, limit];
  return (await db.query<DeliveryRecord>(LIST_DELIVERIES, parameters)).rows;
}

/** Puts a message of no upload into the outbox; a worker sends it once. */
export async function requestTest(
  db: Queryable,
  organizationId: OrganizationId,
  endpoint: string,
): Promise<DeliveryId> {
  const id = newDeliveryId();
  const data = { organizationId, webhook: endpoint };
  const body = messageBody(TEST_MESSAGE, new Date(), data);
  await db.query(INSERT_TEST, [id, organizationId, endpoint, TEST_MESSAGE, body]);
  await db.query('SELECT pg_notify($1, $2)', [WEBHOOK_CHANNEL, '']);
  return id;
}

/** Sends again to a webhook whose receiver had answered 410 Gone. */
export async function enableEndpoint(
  db: Queryable,
  organizationId: OrganizationId,
  name: string,
): Promise<void> {
  await db.query(ENABLE, [organizationId, name]);
}
