import { DeliveryError, type DeliveryFault } from './delivery-error.ts';
import { TEST_MESSAGE } from './messages.ts';
import type { AttemptOutcome, ClaimedDelivery } from './outbox.ts';
import { type PostAnswer, type PostOptions, post } from './post.ts';
import { type RetrySchedule, retryDelay } from './retry-schedule.ts';
import { signatureHeaders } from './signature.ts';
import { findTarget, type TargetPolicy } from './target.ts';

export interface AttemptOptions extends TargetPolicy, PostOptions {
  /** From the question to the name server to the answer's head, in milliseconds. */
  readonly timeoutMs: number;
  readonly schedule: RetrySchedule;
}

/** Sends a message once. Never rejects: what goes wrong is the outcome. `reason` is for logs. */
export async function attemptDelivery(
  delivery: ClaimedDelivery,
  options: AttemptOptions,
): Promise<AttemptOutcome & { readonly reason?: string }> {
  const startedAt = new Date();
  const began = performance.now();
  const result = await send(delivery, startedAt, options).catch((error: unknown) => failure(error));
  const { status, error, retryAfterSeconds, reason } = result;
  return {
    startedAt,
    durationMs: performance.now() - began,
    status,
    error,
    retryInMs: error ? nextAttempt(delivery, error, retryAfterSeconds, options.schedule) : null,
    ...(reason === undefined ? {} : { reason }),
  };
}

interface Result {
  readonly status: number | null;
  readonly error: DeliveryFault | null;
  readonly retryAfterSeconds?: number | undefined;
  readonly reason?: string;
}

async function send(delivery: ClaimedDelivery, sentAt: Date, options: AttemptOptions): Promise<Result> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const target = await findTarget(delivery.url, options, signal);
  const { id, body, secrets } = delivery;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'piing-gateway-webhooks/1',
    ...signatureHeaders({ id, body, sentAt }, secrets),
  };
  return judge(await post(target, { headers, body }, options, signal));
}

function judge({ status, retryAfterSeconds }: PostAnswer): Result {
  if (status >= 200 && status < 300) return { status, error: null };
  const error = status === 410 ? 'GONE' : status >= 300 && status < 400 ? 'REDIRECT' : 'STATUS';
  return { status, error, retryAfterSeconds };
}

function failure(error: unknown): Result {
  if (error instanceof DeliveryError) return { status: null, error: error.code, reason: error.message };
  return { status: null, error: 'CONNECT_FAILED', reason: (error as Error).message };
}

/** An administrator waits for the outcome of a test, and a receiver that is gone does not come back. */
function nextAttempt(
  { type, attempt, createdAt }: ClaimedDelivery,
  error: DeliveryFault,
  retryAfterSeconds: number | undefined,
  schedule: RetrySchedule,
): number | null {
  if (type === TEST_MESSAGE || error === 'GONE') return null;
  const delay = retryDelay(schedule, attempt, retryAfterSeconds);
  return Date.now() + delay > createdAt.getTime() + schedule.giveUpAfter ? null : delay;
}
