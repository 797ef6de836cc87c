import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { type HostKey, keepHostKeys } from '../../src/gateway/host-keys.ts';
import { defaultSftpLimits, type SftpLimits } from '../../src/gateway/limits.ts';
import type { AlgorithmProfile } from '../../src/gateway/ssh2/algorithms.ts';
import { registerInstance } from '../../src/intake/instance.ts';
import { createIntake } from '../../src/intake/intake.ts';
import { findUpload, listUploads, uploadStatuses } from '../../src/intake/upload-queries.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import { FINAL_STATUSES, type UploadRecord } from '../../src/intake/uploads.ts';
import { readFirstRecord } from '../../src/pipeline/read/read-file.ts';
import { startWorker } from '../../src/pipeline/worker.ts';
import { type Catalogue, loadCatalogue } from '../../src/schemas/catalogue.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import type { RawStore } from '../../src/storage/raw-store.ts';
import type { OrganizationId, UploadId } from '../../src/support/ids.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { authenticate, currentAccess } from '../../src/tenancy/access.ts';
import { watchTenancy } from '../../src/tenancy/changes.ts';
import { type ThrottleRules, throttleLogins } from '../../src/tenancy/login-throttle.ts';
import { migratedDatabase, type TestDatabase } from './database.ts';
import { silentLogger } from './logger.ts';
import { RawSftp } from './raw-sftp.ts';
import { temporaryDirectory } from './servers.ts';
import { createTenant, type Tenant } from './tenants.ts';

import { until } from './until.ts';

export { until };

/** A gateway with a worker on a database, a store and a free port of its own. */
export interface TestGateway {
  readonly database: TestDatabase;
  readonly store: RawStore;
  readonly catalogue: Catalogue;
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly port: number;
  readonly hostKeys: readonly HostKey[];
  tenant(options?: Parameters<typeof createTenant>[1]): Promise<Tenant>;
  connect(tenant: Tenant): Promise<RawSftp>;
  /** The organization's uploads, newest first. */
  uploads(tenant: Tenant): Promise<UploadRecord[]>;
  /** Waits for the final status of an upload, or of the organization's newest. */
  finished(of: Tenant | UploadId): Promise<UploadRecord>;
  close(): Promise<void>;
}

let hostKeys: Promise<HostKey[]> | undefined;

export async function startTestGateway(
  options: {
    readonly store?: RawStore;
    readonly maxFileBytes?: number;
    readonly withWorker?: boolean;
    readonly limits?: Partial<SftpLimits>;
    readonly proxyRanges?: readonly string[];
    readonly algorithms?: AlgorithmProfile;
    readonly throttle?: ThrottleRules;
    readonly logger?: Logger;
    readonly hostKeys?: readonly HostKey[];
    /** Another pod of the same gateway: the same database and store. */
    readonly besides?: TestGateway;
    readonly tenancyPollMs?: number;
  } = {},
): Promise<TestGateway> {
  hostKeys ??= temporaryDirectory('host-keys').then(keepHostKeys);
  const keys = options.hostKeys ?? (await hostKeys);
  const database = options.besides?.database ?? (await migratedDatabase());
  const { pool, url } = database;
  const store =
    options.store ?? options.besides?.store ?? createDirectoryStore(await temporaryDirectory('raw'));
  const catalogue = await loadCatalogue('config/schemas');
  const metrics = createMetrics();
  const logger = options.logger ?? silentLogger;
  const instance = await registerInstance(pool, 'test', logger);
  const changes = watchTenancy({ url, logger, pollMs: options.tenancyPollMs });
  const intake = createIntake({
    catalogue,
    store,
    records: createUploadRecords(pool, instance.id),
    preflight: readFirstRecord,
    maxFileBytes: options.maxFileBytes ?? 100 * 1024 * 1024,
    logger,
    metrics,
  });
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    hostKeys: keys,
    algorithms: options.algorithms ?? 'modern',
    limits: defaultSftpLimits(options.limits),
    proxyRanges: options.proxyRanges ?? [],
    authenticate: throttleLogins(pool, (attempt) => authenticate(pool, attempt), options.throttle),
    currentAccess: (client) => currentAccess(pool, client),
    changes,
    intake,
    statuses: (ids) => uploadStatuses(pool, ids),
    logger,
    metrics,
  });
  const pipeline = { control: pool, analytics: pool, store, catalogue, logger, metrics };
  const worker =
    options.withWorker === false
      ? undefined
      : startWorker({ ...pipeline, databaseUrl: url, concurrency: 2, organizationConcurrency: 1 });
  const uploads = (tenant: Tenant) =>
    listUploads(pool, { organizationId: tenant.organizationId, limit: 100 });
  return {
    database,
    store,
    catalogue,
    gateway,
    metrics,
    port: gateway.port,
    hostKeys: keys,
    tenant: (tenantOptions) => createTenant(pool, tenantOptions),
    connect: (tenant) =>
      RawSftp.connect({
        host: '127.0.0.1',
        port: gateway.port,
        username: tenant.clientId,
        password: tenant.clientSecret,
      }),
    uploads,
    finished: (of) =>
      until(async () => {
        const upload = typeof of === 'string' ? await findUpload(pool, of) : (await uploads(of))[0];
        return upload && FINAL_STATUSES.has(upload.status) ? upload : undefined;
      }),
    close: async () => {
      await gateway.close(0);
      await worker?.close(5_000);
      await changes.close();
      await instance.close();
      if (!options.besides) await database.close();
    },
  };
}

export async function rowCount(
  gateway: TestGateway,
  organizationId: OrganizationId,
  table = 'org_transactions',
): Promise<number> {
  const result = await gateway.database.pool.query<{ rows: number }>(
    `SELECT count(*) AS rows FROM public.${table} WHERE organization_id = $1`,
    [organizationId],
  );
  return result.rows[0]?.rows ?? 0;
}
