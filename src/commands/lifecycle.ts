import type { Logger } from '../telemetry/logger.ts';

/** Runs in reverse order of registration, each step even when one before it failed. */
export class Shutdown {
  readonly #steps: { readonly what: string; readonly run: () => Promise<unknown> }[] = [];
  readonly #announcements: (() => void)[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Registers what undoes a step of the start. */
  onStop(what: string, run: () => Promise<unknown>): void {
    this.#steps.push({ what, run });
  }

  /** Registers what tells load balancers to look elsewhere, before anything stops. */
  onDrain(announce: () => void): void {
    this.#announcements.push(announce);
  }

  /** `delayMs`: how long everything still works after the announcement. */
  async stop(delayMs = 0): Promise<void> {
    for (const announce of this.#announcements) announce();
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    for (const { what, run } of this.#steps.splice(0).reverse()) {
      this.#logger.debug({ what }, 'stopping');
      await run().catch((error: unknown) =>
        this.#logger.error({ err: error, what }, 'could not be stopped cleanly'),
      );
    }
  }
}

/**
 * Waits for SIGTERM or ^C, then stops. A second signal ends the process at once: whoever sends it has waited enough.
 */
export async function runUntilStopped(shutdown: Shutdown, logger: Logger, delayMs: number): Promise<void> {
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const atOnce = () => process.exit(1);
  process.once('SIGTERM', atOnce);
  process.once('SIGINT', atOnce);
  logger.info({ signal }, 'stopping: open uploads may finish; send the signal again to end at once');
  await shutdown.stop(delayMs);
  logger.info('stopped');
  process.removeListener('SIGTERM', atOnce);
  process.removeListener('SIGINT', atOnce);
}
