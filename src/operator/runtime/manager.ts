import type { Clock } from './clock.ts';
import { type ControllerOptions, runController } from './controller.ts';
import type { LeaderElection } from './leader-election.ts';
import type { Logger } from './logger.ts';
import type { ReadsContinuously } from './reflector.ts';

/** A cache that is behind for longer makes the process unready. */
const MAX_BEHIND_MS = 60_000;

export interface ManagerOptions {
  readonly reflectors: readonly ReadsContinuously[];
  readonly controllers: readonly Omit<ControllerOptions, 'mayWork' | 'clock' | 'logger'>[];
  readonly election: LeaderElection;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Called once this process leads and its caches are complete; controllers begin when it resolves. The signal aborts
   * when the process stops.
   */
  readonly onLeading: (signal: AbortSignal) => Promise<void>;
  /** Called when another process may lead: this one has to end, because what it was doing cannot be called back. */
  readonly onLost: () => void;
}

/** Runs reflectors always, so that a new leader knows everything at once, and controllers while leading. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  start(): void {
    const { reflectors } = this.#options;
    const reading = reflectors.map((reflector) => reflector.run(this.#stopping.signal));
    this.#running = Promise.all([...reading, this.#lead()]);
  }

  /** Rejects with a sentence while the caches are incomplete or behind. */
  async check(): Promise<void> {
    for (const { problem } of this.#options.reflectors)
      if (problem && problem.forMs > MAX_BEHIND_MS)
        throw new Error(`the API server has not been heard for a minute: ${problem.message}`);
  }

  /** Resolves when all caches hold complete lists. */
  async synced(): Promise<void> {
    await Promise.all(this.#options.reflectors.map(({ synced }) => synced));
  }

  /** Lets what is being worked on finish, and then another process lead. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { queue } of this.#options.controllers) queue.close();
    await this.#running;
  }

  async #lead(): Promise<void> {
    const { election, logger, onLost } = this.#options;
    const { signal } = this.#stopping;
    await Promise.race([this.synced(), aborted(signal)]);
    if (!(await election.acquire(signal))) return;
    const working = this.#work(signal);
    if ((await election.hold(signal)) === 'lost') {
      logger.error({}, 'another process may lead now; this one ends');
      return onLost();
    }
    await working;
    await election.release();
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { controllers, election, clock, logger, onLeading } = this.#options;
    await onLeading(signal);
    const mayWork = () => election.isLeader;
    await Promise.all(
      controllers.map((controller) => runController({ ...controller, mayWork, clock, logger })),
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
