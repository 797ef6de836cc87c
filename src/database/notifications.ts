import pg from 'pg';
import type { Logger } from '../telemetry/logger.ts';

const RECONNECT_DELAYS_MS = [100, 500, 1_000, 2_000, 5_000];

export interface Subscription {
  close(): Promise<void>;
}

/**
 * Listens to a PostgreSQL channel on a connection of its own and reconnects for as long as it takes.
 * `onConnected` runs after every (re)connect: what was sent meanwhile is lost, so read the state anew.
 */
export function listen(options: {
  readonly url: string;
  readonly channel: string;
  readonly logger: Logger;
  readonly onNotification: (payload: string) => void;
  readonly onConnected: () => void;
}): Subscription {
  const { url, channel, logger } = options;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let failures = 0;

  const reconnect = (reason: string) => {
    if (closed || timer) return;
    client?.removeAllListeners('notification');
    client?.end().catch(() => undefined);
    client = undefined;
    const delay = RECONNECT_DELAYS_MS[Math.min(failures++, RECONNECT_DELAYS_MS.length - 1)] ?? 5_000;
    logger.warn({ channel, reason, delayMs: delay }, 'notifications interrupted; reconnecting');
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, delay);
  };

  const connect = async () => {
    const next = new pg.Client({
      connectionString: url,
      application_name: `piing-listen-${channel}`,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    client = next;
    next.on('error', (error) => reconnect(error.message));
    next.on('end', () => next === client && reconnect('connection ended'));
    next.on('notification', (message) => options.onNotification(message.payload ?? ''));
    try {
      await next.connect();
      await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
      failures = 0;
      options.onConnected();
    } catch (error) {
      if (next === client) reconnect((error as Error).message);
    }
  };

  void connect();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
