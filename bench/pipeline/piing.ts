import { spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import type { Pool } from '../../src/database/pool.ts';
import { registerInstance } from '../../src/intake/instance.ts';
import { createIntake } from '../../src/intake/intake.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { currentAccess } from '../../src/tenancy/access.ts';
import { migratedPool } from '../../test/support/database.ts';
import { silentLogger } from '../../test/support/logger.ts';
import { freePort, stopAtEnd } from '../../test/support/servers.ts';
import { createTenant, type Tenant } from '../../test/support/tenants.ts';

/** A worker as in production: a process of its own, PostgreSQL with its durable defaults, a directory as the store. */
export interface Bench {
  readonly pool: Pool;
  readonly databaseUrl: string;
  /** Of PostgreSQL's first process. */
  readonly postgresPid: number;
  readonly workerPid: number;
  tenant(): Promise<Tenant>;
  /** Stores a file; what is returned acknowledges it and resolves when it is COMPLETED. */
  prepare(tenant: Tenant, path: string): Promise<() => Promise<void>>;
}

export async function startBench(directory: string): Promise<Bench> {
  const database = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    port: await freePort(),
    database: 'piing',
    // It would run in the middle of one contender's turn; `measure` does its work between the turns.
    settings: ['autovacuum=off'],
  });
  stopAtEnd(() => database.stop());
  const pool = await migratedPool(database.url, { applicationName: 'bench', max: 4 });
  const catalogue = await loadCatalogue('config/schemas');
  const store = join(directory, 'raw');
  const workerPid = await startWorkerProcess(database.url, store);
  const instance = await registerInstance(pool, 'bench', silentLogger);
  stopAtEnd(() => instance.close());
  const intake = createIntake({
    catalogue,
    store: createDirectoryStore(store),
    records: createUploadRecords(pool, instance.id),
    preflight: async () => undefined,
    maxFileBytes: Number.POSITIVE_INFINITY,
    logger: silentLogger,
    metrics: createMetrics(),
  });
  const prepare = async (tenant: Tenant, path: string) => {
    const decision = await currentAccess(pool, { ...tenant, remoteAddress: '127.0.0.1' });
    if (!decision.allowed) throw new Error('The tenant has no access.');
    const upload = await intake.begin({
      access: decision.access,
      schemaType: 'orgTransactions',
      fileName: `bench.${path.split('.').at(-1)}`,
      format: path.endsWith('.json') ? 'json' : 'csv',
      source: 'sftp',
      remoteAddress: '127.0.0.1',
    });
    for await (const chunk of createReadStream(path)) await upload.write(chunk as Buffer);
    await upload.seal();
    return async () => {
      await upload.commit();
      await completed(pool, upload.id);
    };
  };
  return {
    pool,
    databaseUrl: database.url,
    postgresPid: Number(readFileSync(join(directory, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]),
    workerPid,
    tenant: () => createTenant(pool),
    prepare,
  };
}

async function completed(pool: Pool, id: string): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ status: string; errors: string | null }>({
      name: 'status',
      text: 'SELECT status FROM piing.uploads WHERE id = $1',
      values: [id],
    });
    const status = rows[0]?.status;
    if (status === 'COMPLETED') return;
    if (status !== 'PENDING' && status !== 'PROCESSING') throw new Error(`The upload ended as ${status}.`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function startWorkerProcess(databaseUrl: string, store: string): Promise<number> {
  const child = spawn(
    process.execPath,
    [...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? []), 'src/main.ts', 'worker'],
    {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: databaseUrl,
        PIING_RAW_STORE: store,
        PIING_BIND_ADDRESS: '127.0.0.1',
        PIING_METRICS_PORT: '0',
        PIING_DRAIN_DELAY_SECONDS: '0',
      },
      stdio: ['ignore', 'ignore', process.env.BENCH_LOG ? 'inherit' : 'ignore'],
    },
  );
  stopAtEnd(async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  });
  // It takes jobs a moment after it has started; the warm-up waits for the first.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return child.pid ?? 0;
}
