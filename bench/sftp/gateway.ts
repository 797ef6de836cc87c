import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { migratedPool } from '../../test/support/database.ts';
import { freePort, stopAtEnd } from '../../test/support/servers.ts';
import { createTenant } from '../../test/support/tenants.ts';
import type { Peer } from './peers.ts';

/**
 * `piing gateway` as in production: a process of its own, PostgreSQL with its durable defaults, a directory as
 * the store, the upload record and SHA-256. No worker runs, so that receiving is all that is measured.
 */
export async function startPiing(directory: string): Promise<Peer & { clean(): Promise<void> }> {
  const database = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    port: await freePort(),
    database: 'piing',
  });
  stopAtEnd(() => database.stop());
  const pool = await migratedPool(database.url, { applicationName: 'bench', max: 2 });
  const tenant = await createTenant(pool);
  const keys = join(directory, 'keys');
  await keepHostKeys(keys);
  const port = await freePort();
  const store = join(directory, 'raw');
  const child = spawn(
    process.execPath,
    [...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? []), 'src/main.ts', 'gateway'],
    {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        PIING_RAW_STORE: store,
        PIING_HOST_KEYS: join(keys, 'ssh_host_ed25519_key'),
        PIING_BIND_ADDRESS: '127.0.0.1',
        PIING_SFTP_PORT: String(port),
        PIING_METRICS_PORT: '0',
        PIING_SFTP_ALGORITHMS: 'compatible',
        PIING_SFTP_MAX_CONNECTIONS_PER_ADDRESS: '2000',
        PIING_SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS: '200',
        PIING_SFTP_MAX_SESSIONS_PER_ORGANIZATION: '2000',
        PIING_DRAIN_DELAY_SECONDS: '0',
        PIING_LOG_LEVEL: 'info',
      },
      stdio: ['ignore', process.env.BENCH_STDOUT ? 'inherit' : 'ignore', 'pipe'],
    },
  );
  stopAtEnd(async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (data: Buffer) => {
      if (log.length < 100_000) log += data;
      if (log.includes('SFTP gateway listens')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${log}`)));
  });
  return {
    name: 'piing',
    pid: child.pid ?? 0,
    port,
    user: tenant.clientId,
    password: tenant.clientSecret,
    folder: '/orgTransactions',
    clean: () => rm(join(store, 'raw'), { recursive: true, force: true }),
  };
}
