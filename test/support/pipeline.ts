import { registerInstance } from '../../src/intake/instance.ts';
import { createIntake } from '../../src/intake/intake.ts';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import type { UploadRecord } from '../../src/intake/uploads.ts';
import { processUpload } from '../../src/pipeline/process-upload.ts';
import { readFirstRecord } from '../../src/pipeline/read/read-file.ts';
import { type Catalogue, loadCatalogue } from '../../src/schemas/catalogue.ts';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { type RawStore, rejectReportKey } from '../../src/storage/raw-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { currentAccess } from '../../src/tenancy/access.ts';
import { migratedDatabase, type TestDatabase } from './database.ts';
import { silentLogger } from './logger.ts';
import { temporaryDirectory } from './servers.ts';
import { createTenant, type Tenant } from './tenants.ts';

export interface SentFile {
  readonly tenant: Tenant;
  readonly schemaType: string;
  readonly fileName: string;
  readonly content: string | Uint8Array;
}

/** Intake and pipeline on a database and a store of their own, without a protocol, a queue or a wait between them. */
export interface TestPipeline {
  readonly database: TestDatabase;
  readonly store: RawStore;
  tenant(schemaTypes: readonly string[], transformer?: Partial<TransformerSpec>): Promise<Tenant>;
  /** Receives a file and processes it to its end. @throws {Refusal} when it is refused at the door */
  send(file: SentFile): Promise<UploadRecord>;
  /** The tenant's rows, every value as PostgreSQL writes it in UTC, by the given columns. */
  rows(tenant: Tenant, table: string, columns: readonly string[]): Promise<(string | null)[][]>;
  report(upload: UploadRecord): Promise<string>;
  close(): Promise<void>;
}

export async function startTestPipeline(
  options: { readonly database?: TestDatabase; readonly catalogue?: Catalogue } = {},
): Promise<TestPipeline> {
  const database = options.database ?? (await migratedDatabase());
  const { pool } = database;
  const catalogue = options.catalogue ?? (await loadCatalogue('config/schemas'));
  const store = createDirectoryStore(await temporaryDirectory('raw'));
  const metrics = createMetrics();
  const logger = silentLogger;
  const instance = await registerInstance(pool, 'test', logger);
  const intake = createIntake({
    catalogue,
    store,
    records: createUploadRecords(pool, instance.id),
    preflight: readFirstRecord,
    maxFileBytes: 100 * 1024 * 1024,
    logger,
    metrics,
  });

  async function send({ tenant, schemaType, fileName, content }: SentFile): Promise<UploadRecord> {
    const remoteAddress = '127.0.0.1';
    const decision = await currentAccess(pool, { clientId: tenant.clientId, remoteAddress });
    if (!decision.allowed) throw new Error('the tenant may not log in');
    const format = fileName.endsWith('.json') ? 'json' : 'csv';
    const { access } = decision;
    const upload = await intake.begin({
      ...{ access, schemaType, fileName, format, source: 'sftp', remoteAddress },
    });
    await upload.write(Buffer.from(content));
    await upload.seal();
    await upload.commit();
    const processing = { control: pool, analytics: pool, store, catalogue, logger, metrics };
    await processUpload(processing, upload.id, new AbortController().signal);
    const record = await findUpload(pool, upload.id);
    if (!record) throw new Error(`upload ${upload.id} disappeared`);
    return record;
  }

  async function rows(tenant: Tenant, table: string, columns: readonly string[]) {
    const client = await pool.connect();
    try {
      await client.query("SET timezone TO 'UTC'");
      const list = columns.map((column) => `"${column}"::text`).join(', ');
      const sql = `SELECT ${list} FROM public."${table}" WHERE organization_id = $1 ORDER BY _line`;
      const result = await client.query({ text: sql, values: [tenant.organizationId], rowMode: 'array' });
      return result.rows as (string | null)[][];
    } finally {
      await client.query('RESET timezone');
      client.release();
    }
  }

  return {
    database,
    store,
    tenant: (schemaTypes, transformer = {}) => createTenant(pool, { schemaTypes, transformer }),
    send,
    rows,
    report: async (upload) => {
      let text = '';
      for await (const chunk of await store.read(rejectReportKey(upload.objectKey))) text += chunk;
      return text;
    },
    close: async () => {
      await instance.close();
      await database.close();
    },
  };
}
