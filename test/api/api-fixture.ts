import assert from 'node:assert/strict';
import type { ApiOptions } from '../../src/api/api-options.ts';
import { defaultHttpLimits } from '../../src/api/limits.ts';
import { type ApiServer, startApi } from '../../src/api/server.ts';
import { createTokens, type Tokens } from '../../src/api/tokens.ts';
import type { ProcessUpload } from '../../src/database/job-queue.ts';
import { findByIdempotencyKey } from '../../src/intake/idempotency.ts';
import { createIntake } from '../../src/intake/intake.ts';
import type { HeaderAwarePreflight } from '../../src/intake/preflight.ts';
import { findUpload, listErrors, listUploads, uploadStatuses } from '../../src/intake/upload-queries.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import { processUpload } from '../../src/pipeline/process-upload.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { DEFAULT_TRANSFORMER } from '../../src/schemas/transformer-spec.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { type RawStore, rejectReportKey } from '../../src/storage/raw-store.ts';
import { newInstanceId } from '../../src/support/ids.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { authenticate, currentAccess } from '../../src/tenancy/access.ts';
import { watchTenancy } from '../../src/tenancy/changes.ts';
import { generateClientId, generateClientSecret, hashSecret } from '../../src/tenancy/secrets.ts';
import { loadSigningKeys } from '../../src/tenancy/signing-keys.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';

export const MAX_FILE_BYTES = 12 * 1024 * 1024;

export interface TestClient {
  readonly organizationId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A running API on a database and a directory store of its own. */
export interface ApiFixture {
  readonly server: ApiServer;
  /** `http://127.0.0.1:PORT/api/external` */
  readonly api: string;
  readonly database: TestDatabase;
  readonly store: RawStore;
  readonly metrics: Metrics;
  readonly tokens: Tokens;
  /** What is in the queue, which has its own tests. */
  jobs(): Promise<ProcessUpload[]>;
  /** Plays the worker: takes what is in the queue to its end. */
  processJobs(): Promise<void>;
  /** Most bytes that any writer of the store held at a time. */
  mostBufferedBytes(): number;
  /** An organization with these schema types enabled, and a credential of it. */
  addClient(organizationId: string, schemaTypes?: readonly string[]): Promise<TestClient>;
  tokenOf(client: TestClient): Promise<string>;
  close(): Promise<void>;
}

export interface ApiFixtureOptions {
  readonly logger?: Logger;
  /** Shares the database and the store of this one, as another process does. */
  readonly beside?: ApiFixture;
  /** Default: every first record will do; the pipeline's reader has its own tests. */
  readonly preflight?: HeaderAwarePreflight;
  /** Replaces ports and limits. */
  readonly change?: (options: ApiOptions) => Partial<ApiOptions>;
}

export async function startApiFixture({
  logger = silentLogger,
  beside,
  preflight = async () => undefined,
  change,
}: ApiFixtureOptions = {}): Promise<ApiFixture> {
  const database = beside?.database ?? (await migratedDatabase());
  const { pool } = database;
  const catalogue = await loadCatalogue('config/schemas');
  const buffered = { most: 0 };
  const store =
    beside?.store ?? watched(createDirectoryStore(await temporaryDirectory('api-store')), buffered);
  const metrics = createMetrics();
  const jobs = async () => {
    const sql = 'SELECT upload_id AS "uploadId", organization_id AS "organizationId" FROM piing.jobs';
    return (await pool.query<ProcessUpload>(sql)).rows;
  };
  const keys = await loadSigningKeys(pool);
  const tokens = createTokens(keys);
  const changes = watchTenancy({ url: database.url, logger: silentLogger });
  const intake = createIntake({
    catalogue,
    store,
    records: createUploadRecords(pool, newInstanceId()),
    preflight,
    maxFileBytes: MAX_FILE_BYTES,
    logger,
    metrics,
  });
  const options: ApiOptions = {
    host: '127.0.0.1',
    port: 0,
    logger,
    metrics,
    catalogue,
    maxFileBytes: MAX_FILE_BYTES,
    intake,
    authenticate: (attempt) => authenticate(pool, attempt),
    currentAccess: (client) => currentAccess(pool, client),
    findUpload: (id, organizationId) => findUpload(pool, id, organizationId),
    listUploads: (filter) => listUploads(pool, filter),
    listErrors: (id, offset, limit) => listErrors(pool, id, offset, limit),
    findByIdempotencyKey: (organizationId, key) => findByIdempotencyKey(pool, organizationId, key),
    readReport: (objectKey) => store.read(rejectReportKey(objectKey)),
    tokens,
    limits: defaultHttpLimits(),
    publicKeys: () => keys.publicKeys(),
    uploadStatuses: (ids) => uploadStatuses(pool, ids),
    onTenancyChange: (listener) => changes.subscribe(listener),
  };
  const server = await startApi({ ...options, ...change?.(options) });
  let closed: Promise<void> | undefined;
  const stop = async () => {
    await server.close(0);
    await changes.close();
    if (!beside) await database.close();
  };
  const pipeline = { control: pool, analytics: pool, store, catalogue, logger, metrics };
  return {
    server,
    api: `${server.url}/api/external`,
    database,
    store,
    metrics,
    tokens,
    jobs,
    processJobs: async () => {
      for (const { uploadId } of await jobs()) {
        await processUpload(pipeline, uploadId, new AbortController().signal);
        await pool.query('DELETE FROM piing.jobs WHERE upload_id = $1', [uploadId]);
      }
    },
    mostBufferedBytes: () => buffered.most,
    addClient: (organizationId, schemaTypes) => addClient(database, organizationId, schemaTypes),
    tokenOf: async (client) => requestToken(`${server.url}/api/external`, client),
    close: () => {
      closed ??= stop();
      return closed;
    },
  };
}

function watched(store: RawStore, buffered: { most: number }): RawStore {
  const create = (key: string) => {
    const writer = store.create(key);
    const write = writer.write.bind(writer);
    writer.write = async (...chunks) => {
      await write(...chunks);
      buffered.most = Math.max(buffered.most, writer.bufferedBytes);
    };
    return writer;
  };
  return { ...store, create };
}

async function addClient(
  { pool }: TestDatabase,
  organizationId: string,
  schemaTypes: readonly string[] = ['orgTransactions', 'orgShifts'],
): Promise<TestClient> {
  const clientId = generateClientId();
  const clientSecret = generateClientSecret();
  await pool.query('INSERT INTO piing.organizations (id, namespace) VALUES ($1, $1)', [organizationId]);
  await pool.query(
    `INSERT INTO piing.credentials (client_id, organization_id, name) VALUES ($1, $2, 'till')`,
    [clientId, organizationId],
  );
  await pool.query('INSERT INTO piing.credential_secrets (client_id, secret_sha256) VALUES ($1, $2)', [
    clientId,
    hashSecret(clientSecret),
  ]);
  for (const schemaType of schemaTypes) {
    await pool.query(
      `INSERT INTO piing.schema_enablements (organization_id, schema_type, namespace, name, transformer)
       VALUES ($1, $2, $1, $2, $3)`,
      [organizationId, schemaType, JSON.stringify(DEFAULT_TRANSFORMER)],
    );
  }
  return { organizationId, clientId, clientSecret };
}

async function requestToken(api: string, { clientId, clientSecret }: TestClient): Promise<string> {
  const response = await fetch(`${api}/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: clientId, client_secret: clientSecret }),
  });
  assert.equal(response.status, 200);
  return ((await response.json()) as { access_token: string }).access_token;
}
