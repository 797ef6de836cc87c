import { listen } from '../database/notifications.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How often everything is looked at again, in case a notification was lost or a credential expired. */
const POLL_MS = 15_000;

/** Called with the organization that changed, or with undefined when any may have. */
export type TenancyListener = (organizationId: string | undefined) => void;

/** Tells open sessions that what they may do has changed, usually within milliseconds. */
export interface TenancyChanges {
  /** Returns what ends the subscription. */
  subscribe(listener: TenancyListener): () => void;
  close(): Promise<void>;
}

export function watchTenancy(options: {
  readonly url: string;
  readonly logger: Logger;
  readonly pollMs?: number | undefined;
}): TenancyChanges {
  const listeners = new Set<TenancyListener>();
  const tell = (organizationId: string | undefined) => {
    for (const listener of listeners) listener(organizationId);
  };
  const subscription = listen({
    url: options.url,
    channel: 'piing_tenancy',
    logger: options.logger,
    onNotification: tell,
    onConnected: () => tell(undefined),
  });
  const timer = setInterval(() => tell(undefined), options.pollMs ?? POLL_MS);
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      clearInterval(timer);
      await subscription.close();
    },
  };
}
