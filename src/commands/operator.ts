import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { createPool } from '../database/pool.ts';
import { startOperator } from '../operator/operator.ts';
import { createOperatorMetrics } from '../operator/operator-metrics.ts';
import { createApiClient } from '../operator/runtime/api-client.ts';
import { loadCatalogue } from '../schemas/catalogue.ts';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { startHealthServer } from '../telemetry/health-server.ts';
import { createRegistry } from '../telemetry/registry.ts';
import { runUntilStopped, Shutdown } from './lifecycle.ts';
import { requireDatabaseUrl, roleLogger } from './world.ts';

const ALL_INTERFACES = '0.0.0.0';
const STATEMENT_TIMEOUT_MS = 15_000;
/**
 * A process that was stopped in the middle of a transaction keeps its locks from the next leader for no longer. The
 * creation of a Secret takes place within one.
 */
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000;

/** `piing operator`: from Kubernetes resources to tenants. Needs the control database and the API server only. */
export async function runOperator(settings: Settings): Promise<void> {
  const logger = roleLogger(settings, 'operator');
  const databaseUrl = requireDatabaseUrl(settings);
  const config = loadCluster();
  const catalogue = await loadCatalogue(settings.PIING_SCHEMAS_DIR);
  const shutdown = new Shutdown(logger);
  const workers = settings.PIING_OPERATOR_WORKERS;
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'piing-operator',
    // Each worker of both kinds holds one, and the upkeep wants one now and then.
    max: 2 * workers + 2,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTransactionTimeoutMs: IDLE_TRANSACTION_TIMEOUT_MS,
    logger,
  });
  shutdown.onStop('database', () => pool.end());
  const registry = createRegistry('operator');
  const metrics = createOperatorMetrics(registry);
  try {
    const operator = startOperator({
      api: createApiClient({
        config,
        userAgent: 'piing-operator',
        onAnswer: (method, code) => metrics.requests.inc({ method, code: String(code) }),
      }),
      pool,
      catalogue,
      logger,
      metrics,
      identity: `${hostname()}_${randomUUID()}`,
      leaseNamespace: settings.PIING_OPERATOR_NAMESPACE ?? ownNamespace(config),
      leaseDurationMs: settings.PIING_LEASE_SECONDS * 1_000,
      watchNamespaces: settings.PIING_WATCH_NAMESPACES,
      workers,
      resyncMs: settings.PIING_RESYNC_SECONDS * 1_000,
      onLost: () => process.exit(1),
    });
    shutdown.onStop('operator', operator.close);
    const health = await startHealthServer({
      host: settings.PIING_BIND_ADDRESS ?? ALL_INTERFACES,
      port: settings.PIING_METRICS_PORT,
      registry,
      checks: {
        database: async () => {
          await pool.query('SELECT 1');
        },
        kubernetes: operator.check,
      },
    });
    shutdown.onStop('health', health.close);
    shutdown.onDrain(() => health.drain('the process was told to stop'));
    void operator.synced().then(() => health.ready());
  } catch (error) {
    await shutdown.stop();
    throw error;
  }
  await runUntilStopped(shutdown, logger, 0);
}

/** The pod's own service account, or what kubectl uses. */
function loadCluster(): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new StartupError(`The kubeconfig cannot be read: ${(error as Error).message}`, { cause: error });
  }
  // What the library makes up when there is neither.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new StartupError(
      'There is no cluster to work for. Run the operator in a pod, or set KUBECONFIG to the file that kubectl uses.',
    );
  }
  return config;
}

function ownNamespace(config: KubeConfig): string {
  return config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
}
