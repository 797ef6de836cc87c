import { listen } from '../database/notifications.ts';
import type { Pool } from '../database/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { WEBHOOK_CHANNEL } from './announce.ts';
import { type AttemptOptions, attemptDelivery } from './attempt.ts';
import { DELIVERY_FAULTS } from './delivery-error.ts';
import { tidyOutbox } from './housekeeping.ts';
import { type ClaimedDelivery, claimDeliveries, settleDelivery } from './outbox.ts';
import { resolveName } from './resolve-name.ts';
import { RETRY_SCHEDULE } from './retry-schedule.ts';

const CONCURRENCY = 64;
/** Endpoints that fail get no more than this, however many they are: the others' messages find a place at once. */
const FAILING_CONCURRENCY = 32;
const ENDPOINT_CONCURRENCY = 2;
const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than any attempt takes with its records. What a killed process was sending is sent again after it. */
const LEASE_SECONDS = 30;
/** Finds what has become due again; new messages are announced. */
const POLL_MS = 1_000;
const TIDY_EVERY_MS = 10 * 60_000;

export interface WebhookSenderOptions {
  readonly url: string;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly allowedRanges: readonly string[];
  /** How long ended deliveries are kept. */
  readonly auditDays: number;
  /** Other than the defaults, in tests. */
  readonly tuning?: Partial<Omit<AttemptOptions, 'allowedRanges'>> & SenderTuning;
}

interface SenderTuning {
  readonly leaseSeconds?: number;
  readonly pollMs?: number;
}

export interface WebhookSender {
  /** Begins no more attempts and waits for those that are running. */
  close(): Promise<void>;
}

/** Sends what is in the outbox until closed. Several processes share the work. */
export function startWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const sender = new Sender(options);
  const wake = () => sender.wake();
  const { url, logger } = options;
  const subscription = listen({
    url,
    channel: WEBHOOK_CHANNEL,
    logger,
    onNotification: wake,
    onConnected: wake,
  });
  const poll = setInterval(wake, options.tuning?.pollMs ?? POLL_MS);
  const tidy = setInterval(() => sender.tidy(), TIDY_EVERY_MS);
  sender.tidy();
  return {
    close: async () => {
      clearInterval(poll);
      clearInterval(tidy);
      await subscription.close();
      await sender.close();
    },
  };
}

class Sender {
  readonly #options: WebhookSenderOptions;
  readonly #attempt: AttemptOptions;
  readonly #running = new Set<Promise<void>>();
  #failing = 0;
  #claiming: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  /** Something may have become due after the running claim looked. */
  #again = false;
  #closed = false;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    for (const result of ['DELIVERED', ...DELIVERY_FAULTS])
      options.metrics.webhookAttempts.inc({ result }, 0);
    this.#attempt = {
      allowedRanges: options.allowedRanges,
      resolve: resolveName,
      timeoutMs: TIMEOUT_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      schedule: RETRY_SCHEDULE,
      ...options.tuning,
    };
  }

  wake(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#claiming ??= this.#claim().finally(() => {
      this.#claiming = undefined;
    });
  }

  tidy(): void {
    const { pool, logger, metrics, auditDays } = this.#options;
    const { giveUpAfter } = this.#attempt.schedule;
    this.#tidying ??= tidyOutbox(pool, { giveUpAfterMs: giveUpAfter, auditDays })
      .then(({ givenUp }) => metrics.webhookDeliveries.inc({ outcome: 'given_up' }, givenUp))
      .catch((error: unknown) => logger.warn({ err: error }, 'webhook outbox could not be tidied'))
      .finally(() => {
        this.#tidying = undefined;
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#claiming;
    await Promise.all([...this.#running, this.#tidying]);
  }

  async #claim(): Promise<void> {
    const { pool, logger, tuning } = this.#options;
    while (this.#again && !this.#closed && this.#running.size < CONCURRENCY) {
      this.#again = false;
      try {
        const claimed = await claimDeliveries(pool, {
          free: CONCURRENCY - this.#running.size,
          freeForFailing: Math.max(0, FAILING_CONCURRENCY - this.#failing),
          perEndpoint: ENDPOINT_CONCURRENCY,
          leaseSeconds: tuning?.leaseSeconds ?? LEASE_SECONDS,
        });
        for (const delivery of claimed) this.#start(delivery);
      } catch (error) {
        logger.warn({ err: error }, 'webhooks cannot be looked for; trying again');
      }
    }
  }

  #start(delivery: ClaimedDelivery): void {
    if (delivery.failing) this.#failing += 1;
    const running = this.#deliver(delivery)
      .catch((error: unknown) =>
        // The claim runs out, and the message is sent once more under the same id.
        this.#options.logger.warn({ err: error, deliveryId: delivery.id }, 'webhook attempt not recorded'),
      )
      .finally(() => {
        if (delivery.failing) this.#failing -= 1;
        this.#running.delete(running);
        this.wake();
      });
    this.#running.add(running);
  }

  async #deliver(delivery: ClaimedDelivery): Promise<void> {
    const { pool, logger, metrics } = this.#options;
    const { id, organizationId, endpoint, type, attempt } = delivery;
    metrics.webhookAttemptsInProgress.inc();
    const { reason, ...outcome } = await attemptDelivery(delivery, this.#attempt);
    metrics.webhookAttemptsInProgress.dec();
    const state = await settleDelivery(pool, delivery, outcome);
    const { status, error } = outcome;
    metrics.webhookAttempts.inc({ result: error ?? 'DELIVERED' });
    metrics.webhookAttemptSeconds.observe(outcome.durationMs / 1_000);
    if (state === 'DELIVERED') {
      metrics.webhookDeliveries.inc({ outcome: 'delivered' });
      metrics.webhookLastDelivered.setToCurrentTime();
    }
    if (state === 'GIVEN_UP') metrics.webhookDeliveries.inc({ outcome: 'given_up' });
    const fields = { deliveryId: id, organizationId, webhook: endpoint, type, attempt, status, state };
    if (!error) logger.info(fields, 'webhook delivered');
    else if (error === 'GONE') logger.warn({ ...fields, error }, 'webhook disabled: its receiver is gone');
    else logger.warn({ ...fields, error, reason }, 'webhook attempt failed');
  }
}
