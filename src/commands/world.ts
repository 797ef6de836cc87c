import { createPool, type Pool } from '../database/pool.ts';
import { type Catalogue, loadCatalogue } from '../schemas/catalogue.ts';
import type { Settings } from '../settings.ts';
import { measuredStore } from '../storage/measured-store.ts';
import { openRawStore } from '../storage/open-store.ts';
import { PartMemory } from '../storage/part-memory.ts';
import type { RawStore } from '../storage/raw-store.ts';
import { StartupError } from '../support/listen.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { showHeldBytes, showPools } from '../telemetry/metrics/stores.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { version } from '../telemetry/registry.ts';
import { openTraces, type Traces } from '../telemetry/traces.ts';

/** What every role stands on: settings read, stores opened, nothing listening yet. */
export interface World {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly catalogue: Catalogue;
  readonly databaseUrl: string;
  readonly control: Pool;
  readonly analytics: Pool;
  readonly store: RawStore;
  close(): Promise<void>;
}

const CONTROL_CONNECTIONS = 10;
const CONTROL_STATEMENT_TIMEOUT_MS = 15_000;

/** @throws {StartupError} when a setting that the role needs is missing */
export async function openWorld(
  settings: Settings,
  role: string,
  logger = roleLogger(settings, role),
): Promise<World> {
  const databaseUrl = requireDatabaseUrl(settings);
  const location = settings.PIING_RAW_STORE;
  if (!location)
    throw new StartupError('PIING_RAW_STORE is not set. Set it to s3://BUCKET[/PREFIX] or to a directory.');
  const catalogue = await loadCatalogue(settings.PIING_SCHEMAS_DIR);
  const applicationName = `piing-${role}`;
  const control = createPool({
    url: databaseUrl,
    applicationName,
    max: CONTROL_CONNECTIONS,
    statementTimeoutMs: CONTROL_STATEMENT_TIMEOUT_MS,
    logger,
  });
  const analytics = createPool({
    url: settings.ANALYTICS_DATABASE_URL ?? databaseUrl,
    applicationName: `${applicationName}-analytics`,
    // One for each file, the place for small ones included, and two to look and to cancel.
    max: settings.PIING_WORKER_CONCURRENCY + 3,
    // A merge of 700,000 rows takes as long as it takes; the queue ends jobs that hang.
    statementTimeoutMs: 0,
    logger,
  });
  const metrics = createMetrics({
    role,
    schemaTypes: catalogue.types.map(({ name }) => name),
    organizations: settings.PIING_METRICS_ORGANIZATIONS,
  });
  showPools(metrics.databaseConnections, { control, analytics });
  const traces = await openTraces({
    endpoint: settings.PIING_TRACES_ENDPOINT,
    ratio: settings.PIING_TRACES_RATIO,
    role,
    version,
    onError: (error) => logger.warn({ err: error }, 'traces could not be sent'),
  });
  const memory = new PartMemory({
    limitBytes: settings.PIING_S3_BUFFER_BYTES,
    onShortage: (outcome) => metrics.storeShortages.inc({ outcome }),
  });
  showHeldBytes(metrics.storeHeldBytes, memory);
  const where = {
    location,
    endpoint: settings.PIING_S3_ENDPOINT,
    region: settings.PIING_S3_REGION,
    forcePathStyle: settings.PIING_S3_FORCE_PATH_STYLE,
    checksums: settings.PIING_S3_CHECKSUMS,
  };
  const store = await openRawStore(where, memory);
  const close = async () => {
    await Promise.all([control.end(), analytics.end(), traces.close()]);
  };
  return {
    settings,
    logger,
    metrics,
    traces,
    catalogue,
    databaseUrl,
    control,
    analytics,
    store: measuredStore(store, metrics),
    close,
  };
}

export function requireDatabaseUrl(settings: Settings): string {
  if (settings.DATABASE_URL) return settings.DATABASE_URL;
  throw new StartupError('DATABASE_URL is not set. Set it to postgres://USER:PASSWORD@HOST:5432/DATABASE.');
}

export function roleLogger(settings: Settings, role: string): Logger {
  return createLogger({
    role,
    level: settings.PIING_LOG_LEVEL,
    format: settings.PIING_LOG_FORMAT ?? (process.stderr.isTTY ? 'text' : 'json'),
  });
}
