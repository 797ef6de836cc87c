import assert from 'node:assert/strict';
import { createPool, type Pool } from '../../src/database/pool.ts';
import { registerInstance } from '../../src/intake/instance.ts';
import { createIntake, type Intake, type UploadRequest } from '../../src/intake/intake.ts';
import { Refusal } from '../../src/intake/refusal.ts';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import type { RawStore } from '../../src/storage/raw-store.ts';
import type { UploadId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { currentAccess } from '../../src/tenancy/access.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { type Link, startLink } from '../support/link.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { createTenant } from '../support/tenants.ts';
import { until } from '../support/until.ts';

describe('The intake, when the database goes away while a file is received,', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let link: Link;
  let pool: Pool;
  let store: RawStore;
  let intake: Intake;
  let request: UploadRequest;
  let stopBeating: () => Promise<void>;

  before(async () => {
    database = await migratedDatabase();
    const url = new URL(database.url);
    const port = Number(url.port);
    link = await startLink(() => port);
    url.port = String(link.port);
    pool = createPool({
      url: url.href,
      applicationName: 'intake',
      max: 4,
      statementTimeoutMs: 0,
      logger: silentLogger,
    });
    store = createDirectoryStore(await temporaryDirectory('raw'));
    const { clientId } = await createTenant(database.pool);
    const decision = await currentAccess(database.pool, { clientId, remoteAddress: '127.0.0.1' });
    assert.ok(decision.allowed);
    const instance = await registerInstance(database.pool, 'test', silentLogger);
    stopBeating = instance.close;
    intake = createIntake({
      catalogue: await loadCatalogue('config/schemas'),
      store,
      records: createUploadRecords(pool, instance.id),
      preflight: async () => undefined,
      maxFileBytes: 1024 * 1024,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    request = {
      access: decision.access,
      schemaType: 'orgTransactions',
      fileName: 'feb.csv',
      format: 'csv',
      source: 'sftp',
      remoteAddress: '127.0.0.1',
    };
  });
  afterEach(() => link.set({ kind: 'open' }));
  after(async () => {
    await stopBeating();
    await pool.end();
    await link.close();
    await database.close();
  });

  const recordOf = (id: UploadId) => findUpload(database.pool, id);
  const ended = (id: UploadId) =>
    until(async () => {
      const record = await recordOf(id);
      return record?.status === 'ABANDONED' ? record : undefined;
    });

  it('ends an abandoned file as soon as the database is back: no sweeper touches what a living process began', async () => {
    const upload = await intake.begin(request);
    await upload.write(Buffer.from(transactionsCsv(1)));
    link.set({ kind: 'refused' });
    await upload.abandon(new Refusal('INCOMPLETE_FILE', 'The connection ended.'));
    assert.equal((await recordOf(upload.id))?.status, 'RECEIVING');
    link.set({ kind: 'open' });
    assert.equal((await ended(upload.id)).errors[0]?.code, 'INCOMPLETE_FILE');
  });

  it('ends the record of a file whose beginning was recorded while the answer got lost', async () => {
    await pool.query('SELECT 1');
    link.set({ kind: 'silent', towards: 'client' });
    const beginning = assert.rejects(intake.begin(request), /cannot be reached/);
    const id = await until(async () => {
      const { rows } = await database.pool.query<{ id: UploadId }>(
        "SELECT id FROM piing.uploads WHERE status = 'RECEIVING'",
      );
      return rows[0]?.id;
    });
    link.set({ kind: 'open' });
    await beginning;
    await ended(id);
  });

  it('keeps the object of a file that may have been acknowledged, and says that nobody knows', async () => {
    const upload = await intake.begin(request);
    await upload.write(Buffer.from(transactionsCsv(1)));
    await upload.seal();
    link.set({ kind: 'silent', towards: 'client' });
    const committing = assert.rejects(upload.commit(), /did not confirm it in time. Send it again/);
    await until(async () => ((await recordOf(upload.id))?.status === 'PENDING' ? true : undefined));
    link.set({ kind: 'refused' });
    await committing;
    link.set({ kind: 'open' });
    const record = await recordOf(upload.id);
    assert.equal(record?.status, 'PENDING', 'it is processed: sent again, its rows are loaded once');
    for await (const _ of await store.read(record?.objectKey ?? '')) break;
  });
});
