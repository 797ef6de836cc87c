import { constants } from 'node:os';

/**
 * Ends the process at SIGTERM and SIGINT until something else listens for them. Any other process would end without
 * this, but Linux spares the first one of a container, and a pod that is told to stop while it starts or migrates
 * would be waited for until its grace period is over.
 */
export function endAtSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
}
