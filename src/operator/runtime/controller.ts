import type { Clock } from './clock.ts';
import type { ObjectKey } from './kubernetes-object.ts';
import type { Logger } from './logger.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a reconciler wants next: to be called again after a while, or only when something changes. */
export interface Outcome {
  readonly requeueAfterMs?: number;
}

/** Trying again would not help until the object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** Brings the world to what one object says, however often it is called. A rejection is tried again, later each time. */
export type Reconcile = (key: ObjectKey) => Promise<Outcome>;

export type ReconcileResult = 'success' | 'requeue_after' | 'error' | 'terminal_error';

export interface ControllerObserver {
  started(): void;
  ended(result: ReconcileResult, seconds: number): void;
}

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** Keys that are worked on at the same time. */
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer?: ControllerObserver;
  /** False: nothing may be written any more. Asked before every key. */
  readonly mayWork: () => boolean;
}

/** Takes keys from a queue until that is closed, and resolves when the last one is done. */
export async function runController(options: ControllerOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => work(options)));
}

async function work(options: ControllerOptions): Promise<void> {
  const { queue, mayWork } = options;
  for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
    if (!mayWork()) return;
    try {
      await reconcileOnce(options, key);
    } finally {
      queue.done(key);
    }
  }
}

async function reconcileOnce(options: ControllerOptions, key: ObjectKey): Promise<void> {
  const { name, queue, reconcile, clock, logger, observer } = options;
  const started = clock.monotonic();
  const end = (result: ReconcileResult) => observer?.ended(result, (clock.monotonic() - started) / 1_000);
  observer?.started();
  queue.cancelLater(key);
  try {
    const { requeueAfterMs } = await reconcile(key);
    queue.forget(key);
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    end(requeueAfterMs === undefined ? 'success' : 'requeue_after');
  } catch (error) {
    if (error instanceof TerminalError) {
      queue.forget(key);
      // What its owner has to mend is no fault of this process.
      logger.warn({ controller: name, key, reason: error.message }, 'cannot be reconciled until it changes');
      return end('terminal_error');
    }
    const delayMs = queue.retry(key);
    logger.warn({ controller: name, key, err: error, delayMs }, 'could not be reconciled; trying again');
    end('error');
  }
}
