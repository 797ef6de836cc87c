import { expectMigrated } from '../database/migrate.ts';
import { loadHostKeys } from '../gateway/host-keys.ts';
import { startSweeper } from '../intake/sweeper.ts';
import { startWorker } from '../pipeline/worker.ts';
import { retentionLimits } from '../retention/limits.ts';
import { startRetention } from '../retention/schedule.ts';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { type HealthServer, startHealthServer } from '../telemetry/health-server.ts';
import { startWebhookSender } from '../webhooks/sender.ts';
import { openHttpDoor, openIntake, openSftpDoor } from './doors.ts';
import { runUntilStopped, Shutdown } from './lifecycle.ts';
import { openWorld, type World } from './world.ts';

const ALL_INTERFACES = '0.0.0.0';
/** Kubernetes takes a pod out of a Service within a second or two of its readiness probe's failure. */
const DEFAULT_DRAIN_DELAY_SECONDS = 5;

/** `piing gateway`: SFTP only. */
export async function runGateway(settings: Settings): Promise<void> {
  if (!settings.PIING_HOST_KEYS?.length) {
    throw new StartupError(
      'PIING_HOST_KEYS is not set. Give the SSH host key files, so that clients meet the same keys on every pod.',
    );
  }
  const hostKeys = await loadHostKeys(settings.PIING_HOST_KEYS);
  await runRole(settings, 'gateway', async (world, shutdown, host) => {
    const { intake, close } = await openIntake(world, 'gateway');
    shutdown.onStop('intake', close);
    const door = await openSftpDoor(world, intake, host, hostKeys);
    shutdown.onStop('SFTP', () => door.close(settings.PIING_DRAIN_SECONDS * 1_000));
    world.logger.info({ port: door.server.port }, 'SFTP gateway listens');
  });
}

/** `piing api`: the HTTP upload API only. */
export async function runApi(settings: Settings): Promise<void> {
  await runRole(settings, 'api', async (world, shutdown, host) => {
    const { intake, close } = await openIntake(world, 'api');
    shutdown.onStop('intake', close);
    const door = await openHttpDoor(world, intake, host);
    shutdown.onStop('HTTP', () => door.close(settings.PIING_DRAIN_SECONDS * 1_000));
    world.logger.info({ port: door.server.port }, 'upload API listens');
  });
}

/** `piing worker`: the pipeline, the sweeper, retention and the sender of webhooks. */
export async function runWorker(settings: Settings): Promise<void> {
  await runRole(settings, 'worker', async (world, shutdown) => {
    await expectMigrated(world.analytics, 'analytics');
    await startPipeline(world, shutdown);
  });
}

/** Also used by `piing standalone`, which has every role in one process. */
export async function startPipeline(world: World, shutdown: Shutdown): Promise<void> {
  const { settings } = world;
  const sweeper = startSweeper({
    pool: world.control,
    store: world.store,
    logger: world.logger,
    metrics: world.metrics,
  });
  shutdown.onStop('sweeper', sweeper.close);
  const limits = retentionLimits(settings);
  const retention = startRetention({ ...world, limits, hour: settings.PIING_RETENTION_HOUR });
  shutdown.onStop('retention', retention.close);
  const webhooks = startWebhookSender({
    url: world.databaseUrl,
    pool: world.control,
    logger: world.logger,
    metrics: world.metrics,
    allowedRanges: settings.PIING_WEBHOOK_ALLOWED_RANGES ?? [],
    auditDays: settings.PIING_WEBHOOK_AUDIT_DAYS,
  });
  shutdown.onStop('webhooks', webhooks.close);
  const worker = startWorker({
    ...world,
    concurrency: settings.PIING_WORKER_CONCURRENCY,
    organizationConcurrency: settings.PIING_ORGANIZATION_CONCURRENCY,
  });
  shutdown.onStop('worker', () => worker.close(settings.PIING_DRAIN_SECONDS * 1_000));
}

/** Health and metrics of a process: ready once it has started, while both stores answer. */
export async function startHealth(world: World, shutdown: Shutdown, host: string): Promise<HealthServer> {
  const health = await startHealthServer({
    host,
    port: world.settings.PIING_METRICS_PORT,
    registry: world.metrics.registry,
    checks: {
      database: async () => {
        await world.control.query('SELECT 1');
      },
      store: () => world.store.check(),
    },
  });
  shutdown.onStop('health', health.close);
  shutdown.onDrain(() => health.drain('the process was told to stop'));
  return health;
}

async function runRole(
  settings: Settings,
  role: string,
  start: (world: World, shutdown: Shutdown, host: string) => Promise<void>,
): Promise<void> {
  const world = await openWorld(settings, role);
  const shutdown = new Shutdown(world.logger);
  shutdown.onStop('databases', world.close);
  const host = settings.PIING_BIND_ADDRESS ?? ALL_INTERFACES;
  try {
    await expectMigrated(world.control, 'control');
    const health = await startHealth(world, shutdown, host);
    await start(world, shutdown, host);
    health.ready();
  } catch (error) {
    await shutdown.stop();
    throw error;
  }
  const delaySeconds = settings.PIING_DRAIN_DELAY_SECONDS ?? DEFAULT_DRAIN_DELAY_SECONDS;
  await runUntilStopped(shutdown, world.logger, delaySeconds * 1_000);
}
