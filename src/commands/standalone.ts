import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { startEmbeddedPostgres } from '../database/embedded-postgres.ts';
import { type HostKey, keepHostKeys } from '../gateway/host-keys.ts';
import type { Settings } from '../settings.ts';
import { credentialFiles } from '../tenancy/credential-files.ts';
import { reconcileDirectory, watchDirectory } from '../tenancy/reconcile-directory.ts';
import { webhookSecretFiles } from '../tenancy/webhook-secret-files.ts';
import { claimDataDirectory, type DataDirectory } from './data-directory.ts';
import { openHttpDoor, openIntake, openSftpDoor } from './doors.ts';
import { runUntilStopped, Shutdown } from './lifecycle.ts';
import { migrateAll } from './migrate-all.ts';
import { startHealth, startPipeline } from './roles.ts';
import {
  describeIssued,
  describeReady,
  describeWebhookSecret,
  type Endpoints,
} from './standalone-messages.ts';
import { openWorld, roleLogger, type World } from './world.ts';

const LOOPBACK = '127.0.0.1';
const DATABASE = 'piing';

/** `piing standalone`, that is `npm start`: every role in one process, on a PostgreSQL and a directory of its own. */
export async function runStandalone(settings: Settings): Promise<void> {
  const logger = roleLogger(settings, 'standalone');
  const data = await claimDataDirectory(settings.PIING_DATA_DIR);
  const shutdown = new Shutdown(logger);
  shutdown.onStop('data directory', data.release);
  try {
    const databaseUrl = settings.DATABASE_URL ?? (await startDatabase(data, shutdown));
    const own = {
      ...settings,
      DATABASE_URL: databaseUrl,
      PIING_RAW_STORE: settings.PIING_RAW_STORE ?? data.path('raw'),
    };
    const world = await openWorld(own, 'standalone', logger);
    shutdown.onStop('databases', world.close);
    await migrateAll({ ...world, analyticsDatabaseUrl: own.ANALYTICS_DATABASE_URL ?? databaseUrl });
    await startTenancy(world, data, shutdown, settings.DATABASE_URL === undefined);
    const endpoints = await startRoles(world, data, shutdown);
    await writePrivately(data.path('endpoints.json'), `${JSON.stringify(endpoints, null, 2)}\n`);
    process.stdout.write(await describeReady(world, data, endpoints));
  } catch (error) {
    await shutdown.stop();
    throw error;
  }
  await runUntilStopped(shutdown, logger, (settings.PIING_DRAIN_DELAY_SECONDS ?? 0) * 1_000);
}

async function startDatabase(data: DataDirectory, shutdown: Shutdown): Promise<string> {
  const port = await freePort();
  const postgres = await startEmbeddedPostgres({
    directory: data.path('postgres'),
    port,
    database: DATABASE,
  });
  shutdown.onStop('PostgreSQL', postgres.stop);
  return postgres.url;
}

/** Applies the manifests once before the doors open, and then whenever they change. */
async function startTenancy(
  world: World,
  data: DataDirectory,
  shutdown: Shutdown,
  ownDatabase: boolean,
): Promise<void> {
  const deliver = credentialFiles({
    directory: data.path('credentials'),
    onIssued: (organizationId, credentialName, issued, path) => {
      process.stdout.write(describeIssued({ organizationId, credentialName, path, ...issued }));
    },
  });
  const webhookSecrets = webhookSecretFiles({
    directory: data.path('webhook-secrets'),
    onGenerated: (_namespace, ref, secret, path) => {
      process.stdout.write(describeWebhookSecret({ name: ref.name, secret, path }));
    },
  });
  const options = {
    directory: world.settings.PIING_TENANTS_DIR,
    pool: world.control,
    catalogue: world.catalogue,
    logger: world.logger,
    deliver,
    webhookSecrets,
    // A database of its own has no tenants but those of the directory; a shared one may have an operator's.
    wholeDatabase: ownDatabase,
  };
  await reconcileDirectory(options);
  const watcher = watchDirectory(options);
  shutdown.onStop('tenancy', async () => watcher.close());
}

async function startRoles(world: World, data: DataDirectory, shutdown: Shutdown): Promise<Endpoints> {
  const { settings } = world;
  const host = settings.PIING_BIND_ADDRESS ?? LOOPBACK;
  const hostKeys = await keepHostKeys(data.path('host-keys'));
  const health = await startHealth(world, shutdown, host);
  await startPipeline(world, shutdown);
  const { intake, close } = await openIntake(world, 'standalone');
  shutdown.onStop('intake', close);
  const sftp = await openSftpDoor(world, intake, host, hostKeys);
  let http: Awaited<ReturnType<typeof openHttpDoor>>;
  try {
    http = await openHttpDoor(world, intake, host);
  } catch (error) {
    await sftp.close(0);
    throw error;
  }
  health.ready();
  // Both doors drain at the same time, so that the grace is given once.
  const graceMs = settings.PIING_DRAIN_SECONDS * 1_000;
  shutdown.onStop('doors', () => Promise.all([sftp.close(graceMs), http.close(graceMs)]));
  return endpointsOf(
    world,
    host,
    { sftp: sftp.server.port, http: http.server.port, metrics: health.port },
    hostKeys,
  );
}

function endpointsOf(
  world: World,
  host: string,
  ports: { readonly sftp: number; readonly http: number; readonly metrics: number },
  hostKeys: readonly HostKey[],
): Endpoints {
  return {
    sftp: { host, port: ports.sftp, hostKeys: hostKeys.map((key) => key.publicKey) },
    http: { url: `http://${host}:${ports.http}` },
    metrics: { url: `http://${host}:${ports.metrics}` },
    database: { url: world.databaseUrl },
  };
}

/** Whole or not at all, and for this user only: the database's password is in it. */
async function writePrivately(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** PostgreSQL cannot choose a port by itself. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address ? address.port : 0;
}
