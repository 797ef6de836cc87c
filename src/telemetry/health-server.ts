import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { listenOn } from '../support/listen.ts';

/** Rejects with a sentence while the process cannot do its work. */
export type ReadinessCheck = () => Promise<void>;

export interface HealthServer {
  readonly port: number;
  /** Everything has started: from now on `/readyz` answers by the checks. Until then it says "starting". */
  ready(): void;
  /** From now on `/readyz` answers 503 with this reason, so that load balancers look elsewhere. */
  drain(reason: string): void;
  close(): Promise<void>;
}

/** Longest time that a readiness check may take before it counts as failed, in milliseconds. */
const CHECK_TIMEOUT_MS = 3_000;

/** Serves `/metrics` (Prometheus), `/livez` (the process answers) and `/readyz` (it can do its work). */
export async function startHealthServer(options: {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
}): Promise<HealthServer> {
  let unready: string | undefined = 'starting';
  const server: Server = createServer(async (request, response) => {
    try {
      const path = (request.url ?? '/').split('?')[0];
      if (path === '/livez') send(response, 200, 'text/plain', 'ok\n');
      else if (path === '/readyz') await sendReadiness(response, options.checks, unready);
      else if (path === '/metrics')
        send(response, 200, options.registry.contentType, await options.registry.metrics());
      else send(response, 404, 'text/plain', 'Only /metrics, /livez and /readyz are served here.\n');
    } catch (error) {
      send(response, 500, 'text/plain', `${(error as Error).message}\n`);
    }
  });
  await listenOn(server, options.port, options.host, 'PIING_METRICS_PORT');
  return {
    port: (server.address() as AddressInfo).port,
    ready: () => {
      unready = undefined;
    },
    drain: (reason) => {
      unready = `draining: ${reason}`;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function sendReadiness(
  response: ServerResponse,
  checks: Readonly<Record<string, ReadinessCheck>>,
  unready: string | undefined,
): Promise<void> {
  const failures = unready ? [unready] : [];
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const late = AbortSignal.timeout(CHECK_TIMEOUT_MS);
      const timeout = new Promise<never>((_, reject) =>
        late.addEventListener('abort', () => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`))),
      );
      await Promise.race([check(), timeout]).catch((error: Error) =>
        failures.push(`${name}: ${error.message}`),
      );
    }),
  );
  if (failures.length === 0) send(response, 200, 'text/plain', 'ok\n');
  else send(response, 503, 'text/plain', `${failures.join('\n')}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
