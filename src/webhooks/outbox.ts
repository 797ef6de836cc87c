import { inTransaction, type Pool, type PoolClient } from '../database/pool.ts';
import type { DeliveryId, OrganizationId } from '../support/ids.ts';
import type { DeliveryFault } from './delivery-error.ts';

/** A message to be sent now, by whoever claimed it. */
export interface ClaimedDelivery {
  readonly id: DeliveryId;
  readonly organizationId: OrganizationId;
  readonly endpoint: string;
  readonly type: string;
  readonly body: string;
  /** Of this attempt, from 1 on. */
  readonly attempt: number;
  readonly createdAt: Date;
  readonly url: string;
  /** The attempt before this one, to whatever message, failed. */
  readonly failing: boolean;
  /** Newest first, never empty. */
  readonly secrets: readonly Buffer[];
}

export interface ClaimLimits {
  /** Attempts that may begin. */
  readonly free: number;
  /** Of these, for endpoints whose last attempt failed. */
  readonly freeForFailing: number;
  /** Attempts at one endpoint at a time, over all processes. */
  readonly perEndpoint: number;
  /** Seconds after which a claim ends by itself. */
  readonly leaseSeconds: number;
}

/** What came of an attempt. */
export interface AttemptOutcome {
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly status: number | null;
  /** Null: delivered. */
  readonly error: DeliveryFault | null;
  /** Milliseconds until the next attempt, or null when there is none. */
  readonly retryInMs: number | null;
}

export type SettledState = 'DELIVERED' | 'PENDING' | 'GIVEN_UP';

/** Any number that no other lock of the control database uses: claims take turns, so that the limits hold. */
const LOCK_ID = 7_409_283_653;

/**
 * Endpoint by endpoint, so that a long queue of one costs the others nothing; those that work come first. `waiting` jumps
 * from one endpoint with messages to the next in the index, past their queues. A claim whose time is over counts as
 * due: its process died.
 */
const CLAIM = `
WITH RECURSIVE waiting AS (
  (SELECT organization_id, endpoint FROM piing.webhook_deliveries
    WHERE state = 'PENDING' ORDER BY organization_id, endpoint LIMIT 1)
  UNION ALL
  SELECT next.organization_id, next.endpoint FROM waiting w CROSS JOIN LATERAL (
    SELECT organization_id, endpoint FROM piing.webhook_deliveries
     WHERE state = 'PENDING' AND (organization_id, endpoint) > (w.organization_id, w.endpoint)
     ORDER BY organization_id, endpoint LIMIT 1) next
), due AS (
  SELECT d.id, d.due_at, e.organization_id, e.name, e.url, e.failing_since IS NOT NULL AS failing
    FROM waiting w
    JOIN piing.webhook_endpoints e ON e.organization_id = w.organization_id AND e.name = w.endpoint
    JOIN piing.organizations o ON o.id = e.organization_id AND o.deleted_at IS NULL
   CROSS JOIN LATERAL (
     SELECT count(*) AS running FROM piing.webhook_deliveries r
      WHERE r.organization_id = e.organization_id AND r.endpoint = e.name AND r.claimed AND r.due_at > now()) busy
   CROSS JOIN LATERAL (
     SELECT p.id, p.due_at FROM piing.webhook_deliveries p
      WHERE p.organization_id = e.organization_id AND p.endpoint = e.name AND p.state = 'PENDING'
        AND p.due_at <= now()
      ORDER BY p.due_at LIMIT GREATEST(0, $3 - busy.running)) d
   WHERE e.disabled_at IS NULL
     AND EXISTS (SELECT FROM piing.webhook_secrets s
                  WHERE s.organization_id = e.organization_id AND s.endpoint = e.name
                    AND (s.valid_until IS NULL OR s.valid_until > now()))
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY failing ORDER BY due_at) AS place FROM due
), chosen AS (
  SELECT * FROM ranked WHERE NOT failing OR place <= $2 ORDER BY failing, due_at LIMIT $1
)
UPDATE piing.webhook_deliveries d
   SET claimed = true, attempts = d.attempts + 1, due_at = now() + make_interval(secs => $4)
  FROM chosen c WHERE d.id = c.id
RETURNING d.id, d.organization_id AS "organizationId", d.endpoint, d.type, d.body, d.attempts AS attempt,
          d.created_at AS "createdAt", c.url, c.failing,
          ARRAY(SELECT s.secret FROM piing.webhook_secrets s
                 WHERE s.organization_id = c.organization_id AND s.endpoint = c.name
                   AND (s.valid_until IS NULL OR s.valid_until > now())
                 ORDER BY s.created_at DESC) AS secrets`;

/** Takes messages that are due, as far as the limits allow. */
export async function claimDeliveries(pool: Pool, limits: ClaimLimits): Promise<ClaimedDelivery[]> {
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_ID]);
    const { free, freeForFailing, perEndpoint, leaseSeconds } = limits;
    const { rows } = await client.query<ClaimedDelivery>(CLAIM, [
      free,
      freeForFailing,
      perEndpoint,
      leaseSeconds,
    ]);
    return rows;
  });
}

const INSERT_ATTEMPT = `
INSERT INTO piing.webhook_attempts (delivery_id, attempt, at, status_code, duration_ms, error)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

/** Also when its claim had ended and another process has it now: delivered is delivered. */
const MARK_DELIVERED = `
UPDATE piing.webhook_deliveries SET state = 'DELIVERED', body = NULL, claimed = false, ended_at = now()
 WHERE id = $1 AND state = 'PENDING' RETURNING state`;

const MARK_FAILED = `
UPDATE piing.webhook_deliveries
   SET claimed = false,
       state = CASE WHEN $3::float8 IS NULL THEN 'GIVEN_UP' ELSE 'PENDING' END,
       due_at = COALESCE(now() + $3 * interval '1 millisecond', due_at),
       body = CASE WHEN $3 IS NOT NULL THEN body END,
       ended_at = CASE WHEN $3 IS NULL THEN now() END
 WHERE id = $1 AND state = 'PENDING' AND attempts = $2 RETURNING state`;

const NOTE_SUCCESS = `
UPDATE piing.webhook_endpoints SET failing_since = NULL
 WHERE organization_id = $1 AND name = $2 AND failing_since IS NOT NULL`;

const NOTE_FAILURE = `
UPDATE piing.webhook_endpoints SET failing_since = now()
 WHERE organization_id = $1 AND name = $2 AND failing_since IS NULL`;

/** Only if it was this address that said so. */
const DISABLE = `
UPDATE piing.webhook_endpoints SET disabled_at = now()
 WHERE organization_id = $1 AND name = $2 AND url = $3 AND disabled_at IS NULL`;

const CANCEL_PENDING = `
UPDATE piing.webhook_deliveries SET state = 'CANCELLED', body = NULL, claimed = false, ended_at = now()
 WHERE organization_id = $1 AND endpoint = $2 AND state = 'PENDING'`;

/** Records an attempt and what follows from it. Undefined when the delivery had ended or was claimed by another. */
export async function settleDelivery(
  pool: Pool,
  delivery: ClaimedDelivery,
  outcome: AttemptOutcome,
): Promise<SettledState | undefined> {
  const { id, attempt, organizationId, endpoint, url } = delivery;
  const { startedAt, status, durationMs, error, retryInMs } = outcome;
  return inTransaction(pool, async (client) => {
    const marked = error
      ? await client.query<{ state: SettledState }>(MARK_FAILED, [id, attempt, retryInMs])
      : await client.query<{ state: SettledState }>(MARK_DELIVERED, [id]);
    await recordAttempt(client, [id, attempt, startedAt, status, Math.round(durationMs), error]);
    await client.query(error ? NOTE_FAILURE : NOTE_SUCCESS, [organizationId, endpoint]);
    if (error === 'GONE') {
      const disabled = await client.query(DISABLE, [organizationId, endpoint, url]);
      if (disabled.rowCount !== 0) await client.query(CANCEL_PENDING, [organizationId, endpoint]);
    }
    return marked.rows[0]?.state;
  });
}

/** The delivery may have gone with its organization while it was sent. */
async function recordAttempt(client: PoolClient, values: readonly unknown[]): Promise<void> {
  const found = await client.query('SELECT FROM piing.webhook_deliveries WHERE id = $1 FOR KEY SHARE', [
    values[0],
  ]);
  if (found.rowCount !== 0) await client.query(INSERT_ATTEMPT, [...values]);
}
