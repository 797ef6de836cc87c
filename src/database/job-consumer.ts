import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Claim, claimJob } from './job-claims.ts';
import { beat, completeJob, failJob, giveBackStrays, releaseJobs } from './job-endings.ts';
import { maintainJobs } from './job-maintenance.ts';
import { JOBS_CHANNEL, type JobsNotice, MAX_ATTEMPTS, type ProcessUpload } from './job-queue.ts';
import { listen, type Subscription } from './notifications.ts';
import type { Pool } from './pool.ts';

/** What the work of a queue consists of. */
export interface JobHandlers {
  /** Rejecting means a transient fault: the job is tried again later. */
  readonly process: (job: Claim, signal: AbortSignal) => Promise<void>;
  /** The job failed for good: every try was used up, or its workers died. */
  readonly giveUp: (job: ProcessUpload) => Promise<void>;
  /** The job was cancelled, and nothing works on it any more. */
  readonly cancelled: (job: ProcessUpload) => Promise<void>;
}

export interface JobConsumerOptions extends JobHandlers {
  readonly url: string;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Files that this process loads at a time; one more place is kept for small files. */
  readonly concurrency: number;
  /** Jobs of one organization that all processes together run at a time, small files counted on their own. */
  readonly organizationConcurrency: number;
  readonly rhythm?: Rhythm;
}

/** How often things happen, in milliseconds. */
export interface Rhythm {
  /** Looks for jobs without being told: those whose next try is due, and those whose notification was lost. */
  readonly pollMs: number;
  readonly beatMs: number;
  /** A worker that is silent for this long is dead. */
  readonly silentMs: number;
  readonly maintainMs: number;
}

/** A killed worker is noticed after 20 to 26 s. */
const DEFAULT_RHYTHM: Rhythm = { pollMs: 1_000, beatMs: 5_000, silentMs: 20_000, maintainMs: 5_000 };

/** Why a run was told to stop. */
class JobStopped extends Error {
  override readonly name = 'JobStopped';
  readonly why: 'cancelled' | 'lost' | 'closing';

  constructor(why: JobStopped['why']) {
    super(
      {
        cancelled: 'The job was cancelled.',
        lost: 'The job was taken away, because this worker was not heard of for too long.',
        closing: 'The worker stops before the job is done; another one will do it.',
      }[why],
    );
    this.why = why;
  }
}

interface Run {
  readonly claim: Claim;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export interface JobConsumer {
  /** Takes no more jobs, lets the running ones finish for a while, and gives back what is left. */
  close(graceMs: number): Promise<void>;
}

/** Runs jobs until closed. */
export function consumeJobs(options: JobConsumerOptions): JobConsumer {
  return new Consumer(options);
}

class Consumer implements JobConsumer {
  readonly #options: JobConsumerOptions;
  /** Of this process alone: a container that starts again has its host name and process number. */
  readonly #worker = `${hostname()}/${randomBytes(3).toString('hex')}/${process.pid}`;
  readonly #runs = new Map<string, Run>();
  readonly #subscription: Subscription;
  readonly #timers: NodeJS.Timeout[];
  #closing = false;
  #filling: Promise<void> | undefined;
  #fillAgain = false;
  #maintaining: Promise<void> | undefined;
  #lastMaintained = Number.NEGATIVE_INFINITY;

  constructor(options: JobConsumerOptions) {
    this.#options = options;
    const { url, logger, rhythm = DEFAULT_RHYTHM } = options;
    this.#subscription = listen({
      url,
      channel: JOBS_CHANNEL,
      logger,
      onNotification: (notice) => this.#onNotice(notice as JobsNotice),
      onConnected: () => {
        this.#wake();
        void this.#beat();
      },
    });
    this.#timers = [
      setInterval(() => this.#wake(), rhythm.pollMs),
      setInterval(() => void this.#beat(), rhythm.beatMs),
      setInterval(() => this.#maintain(), rhythm.maintainMs),
    ];
    this.#maintain();
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await this.#subscription.close();
    await this.#filling;
    const running = [...this.#runs.values()];
    await Promise.race([Promise.all(running.map(({ ended }) => ended)), delay(graceMs)]);
    const left = [...this.#runs.values()];
    for (const { stop } of left) stop.abort(new JobStopped('closing'));
    await Promise.race([Promise.all(left.map(({ ended }) => ended)), delay(2_000)]);
    for (const timer of this.#timers) clearInterval(timer);
    await this.#maintaining;
  }

  #onNotice(notice: JobsNotice): void {
    if (notice === 'cancel') void this.#beat();
    else this.#wake();
  }

  /** Fills the free places. Called often: calls while it runs make it run once more. */
  #wake(): void {
    this.#fillAgain = true;
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
      if (this.#fillAgain) this.#wake();
    });
  }

  async #fill(): Promise<void> {
    this.#fillAgain = false;
    try {
      while (!this.#closing) {
        const claim = await this.#claim();
        if (!claim) return;
        this.#start(claim);
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'no job could be taken from the queue; trying again');
    }
  }

  async #claim(): Promise<Claim | undefined> {
    const { pool, concurrency, organizationConcurrency } = this.#options;
    if (this.#runs.size > concurrency) return undefined;
    const large = [...this.#runs.values()].filter(({ claim }) => claim.lane !== 'small').length;
    return claimJob(pool, {
      smallOnly: large >= concurrency,
      organizationLimit: organizationConcurrency,
      worker: this.#worker,
    });
  }

  #start(claim: Claim): void {
    this.#options.metrics.jobWaitSeconds.observe({ lane: claim.lane }, claim.waitedSeconds);
    const stop = new AbortController();
    const ended = this.#run(claim, stop.signal)
      .catch((error: unknown) => {
        // The claim is no longer renewed: it is given back when the database answers, by whoever hears it first.
        this.#options.logger.warn(
          { err: error, uploadId: claim.uploadId },
          'the end of a job was not recorded',
        );
      })
      .finally(() => {
        this.#runs.delete(claim.claimId);
        this.#wake();
      });
    this.#runs.set(claim.claimId, { claim, stop, ended });
  }

  async #run(claim: Claim, signal: AbortSignal): Promise<void> {
    const { pool, process, cancelled } = this.#options;
    try {
      await process(claim, signal);
    } catch (error) {
      const why = signal.reason instanceof JobStopped ? signal.reason.why : undefined;
      if (why === 'lost') return;
      if (why === 'closing') return releaseJobs(pool, [claim]);
      if (why === undefined) return this.#tryLater(claim, error);
      await cancelled(claim);
    }
    await completeJob(pool, claim);
  }

  async #tryLater(claim: Claim, error: unknown): Promise<void> {
    const { pool, logger, metrics } = this.#options;
    const runAt = await failJob(pool, claim, error instanceof Error ? error.message : String(error));
    metrics.retries.inc();
    const { uploadId, attempts } = claim;
    logger.warn({ err: error, uploadId, attempts, nextTry: runAt }, 'processing failed for now');
    if (attempts >= MAX_ATTEMPTS) this.#maintain();
  }

  async #beat(): Promise<void> {
    const asked = [...this.#runs.values()];
    try {
      await this.#giveBackStrays();
      if (asked.length === 0) return;
      const alive = await beat(this.#options.pool, [...this.#runs.keys()]);
      for (const { claim, stop } of asked) {
        const state = alive.get(claim.claimId);
        if (!state && this.#runs.has(claim.claimId)) stop.abort(new JobStopped('lost'));
        if (state?.cancelled) stop.abort(new JobStopped('cancelled'));
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'heartbeat of the running jobs failed');
    }
  }

  async #giveBackStrays(): Promise<void> {
    const { pool, logger, rhythm = DEFAULT_RHYTHM } = this.#options;
    const strays = await giveBackStrays(pool, this.#worker, [...this.#runs.keys()], rhythm.beatMs / 1_000);
    if (strays > 0) logger.warn({ strays }, 'jobs were given back whose end the database had not heard of');
  }

  #maintain(): void {
    const { logger } = this.#options;
    if (this.#closing) return;
    this.#maintaining ??= this.#lookAfterQueue()
      .catch((error: unknown) =>
        logger.warn({ err: error }, 'the queue could not be looked after; trying again'),
      )
      .finally(() => {
        this.#maintaining = undefined;
      });
  }

  async #lookAfterQueue(): Promise<void> {
    const { rhythm = DEFAULT_RHYTHM } = this.#options;
    const now = performance.now();
    // When the database was away nobody could give a sign of life. Whoever lives does so before the next look.
    const silentMs = now - this.#lastMaintained < rhythm.silentMs ? rhythm.silentMs : undefined;
    if (await maintainJobs(this.#options, silentMs)) this.#wake();
    this.#lastMaintained = now;
  }
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
