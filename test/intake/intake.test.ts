import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { registerInstance } from '../../src/intake/instance.ts';
import { createIntake, type Intake, type UploadRequest } from '../../src/intake/intake.ts';
import { Refusal } from '../../src/intake/refusal.ts';
import { sweepOnce } from '../../src/intake/sweeper.ts';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { createUploadRecords, type UploadRecords } from '../../src/intake/upload-records.ts';
import { readFirstRecord } from '../../src/pipeline/read/read-file.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { MAX_BUFFERED_BYTES, type RawStore, StoreUnavailableError } from '../../src/storage/raw-store.ts';
import { newInstanceId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { currentAccess } from '../../src/tenancy/access.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { createTenant } from '../support/tenants.ts';

const MIB = 1024 * 1024;

describe('The intake', () => {
  let database: TestDatabase;
  let store: RawStore;
  let request: UploadRequest;
  const metrics = createMetrics();

  before(async () => {
    database = await migratedDatabase();
    store = createDirectoryStore(await temporaryDirectory('raw'));
    const { clientId } = await createTenant(database.pool);
    const decision = await currentAccess(database.pool, { clientId, remoteAddress: '127.0.0.1' });
    assert.ok(decision.allowed);
    request = {
      access: decision.access,
      schemaType: 'orgTransactions',
      fileName: 'feb.csv',
      format: 'csv',
      source: 'sftp',
      remoteAddress: '127.0.0.1',
    };
  });
  after(() => database.close());

  async function intakeWith(
    options: { store?: RawStore; records?: Partial<UploadRecords>; maxFileBytes?: number } = {},
  ): Promise<Intake> {
    const instance = await registerInstance(database.pool, 'test', silentLogger);
    await instance.close();
    await database.pool.query('INSERT INTO piing.instances (id, role, host) VALUES ($1, $2, $3)', [
      instance.id,
      'test',
      'test',
    ]);
    return createIntake({
      catalogue: await loadCatalogue('config/schemas'),
      store: options.store ?? store,
      records: {
        ...createUploadRecords(database.pool, instance.id),
        ...options.records,
      },
      preflight: readFirstRecord,
      maxFileBytes: options.maxFileBytes ?? 100 * MIB,
      logger: silentLogger,
      metrics,
    });
  }

  async function readAll(key: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await store.read(key)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  it('stores a file unchanged, records its size and SHA-256, and enqueues one job in the same transaction', async () => {
    const content = Buffer.from(transactionsCsv(1_000));
    const upload = await (await intakeWith()).begin(request);
    for (let at = 0; at < content.length; at += 7_777) await upload.write(content.subarray(at, at + 7_777));
    await upload.seal();
    assert.equal(
      (await findUpload(database.pool, upload.id))?.status,
      'RECEIVING',
      'not before it is committed',
    );
    await upload.commit();
    const record = await findUpload(database.pool, upload.id);
    assert.ok(record);
    assert.equal(record.status, 'PENDING');
    assert.equal(record.sizeBytes, content.length);
    assert.equal(record.sha256, createHash('sha256').update(content).digest('hex'));
    assert.match(
      record.objectKey,
      new RegExp(`^raw/org-\\d+/orgTransactions/\\d{4}/\\d\\d/\\d\\d/${upload.id}\\.csv$`),
    );
    assert.deepEqual(await readAll(record.objectKey), content);
    const jobs = await database.pool.query(
      'SELECT organization_id, schema_type, lane FROM piing.jobs WHERE upload_id = $1',
      [upload.id],
    );
    assert.deepEqual(jobs.rows, [
      { organization_id: request.access.organizationId, schema_type: 'orgTransactions', lane: 'small' },
    ]);
  });

  describe('when the clock of the database was set back', () => {
    const receive = async () => {
      const upload = await (await intakeWith()).begin(request);
      await upload.write(Buffer.from(transactionsCsv(1)));
      await upload.seal();
      await upload.commit();
      return upload.id;
    };
    /** How long after now an upload counts as received, in seconds. */
    const secondsAhead = async (id: string) => {
      const { rows } = await database.pool.query<{ ahead: number }>(
        'SELECT extract(epoch FROM received_at - clock_timestamp())::float8 AS ahead FROM piing.uploads WHERE id = $1',
        [id],
      );
      return rows[0]?.ahead ?? Number.NaN;
    };
    const shift = (id: string, by: string) =>
      database.pool.query('UPDATE piing.uploads SET received_at = now() + $2::interval WHERE id = $1', [
        id,
        by,
      ]);
    after(() =>
      database.pool.query('UPDATE piing.uploads SET received_at = now() WHERE received_at > now()'),
    );

    it('counts a file as received after those that were acknowledged before it', async () => {
      const first = await receive();
      await shift(first, '1 hour');
      const second = await receive();
      const { rows } = await database.pool.query(
        'SELECT id FROM piing.uploads WHERE id = ANY($1) ORDER BY received_at',
        [[first, second]],
      );
      assert.deepEqual(rows, [{ id: first }, { id: second }]);
      const ahead = await secondsAhead(second);
      assert.ok(ahead > 3_500 && ahead < 3_601, String(ahead));
    });

    it('does not follow a time that is further ahead than a day', async () => {
      await database.pool.query('UPDATE piing.uploads SET received_at = now() WHERE received_at > now()');
      await shift(await receive(), '2 days');
      const ahead = await secondsAhead(await receive());
      assert.ok(ahead <= 0, String(ahead));
    });
  });

  it('says of a file with the same bytes which one it repeats', async () => {
    const content = Buffer.from(transactionsCsv(3, 77));
    const ids = [];
    for (let count = 0; count < 2; count += 1) {
      const upload = await (await intakeWith()).begin(request);
      await upload.write(content);
      await upload.seal();
      await upload.commit();
      ids.push(upload.id);
    }
    assert.equal((await findUpload(database.pool, ids[0] ?? ('' as never)))?.duplicateOf, null);
    assert.equal((await findUpload(database.pool, ids[1] ?? ('' as never)))?.duplicateOf, ids[0]);
  });

  it('takes a file of exactly the limit and refuses the first byte over it, leaving nothing', async () => {
    const content = Buffer.from(transactionsCsv(50));
    const exact = await (await intakeWith({ maxFileBytes: content.length })).begin(request);
    await exact.write(content);
    await exact.seal();
    await exact.commit();
    const over = await (await intakeWith({ maxFileBytes: content.length - 1 })).begin(request);
    await over.write(content.subarray(0, -1));
    await assert.rejects(over.write(content.subarray(-1)), (error: Refusal) => {
      assert.equal(error.code, 'FILE_TOO_LARGE');
      assert.match(error.message, new RegExp(`${content.length - 1} bytes`));
      return true;
    });
    const record = await findUpload(database.pool, over.id);
    assert.equal(record?.status, 'ABANDONED');
    assert.equal(record?.errors[0]?.code, 'FILE_TOO_LARGE');
    await assert.rejects(store.read(record?.objectKey ?? ''), /has no object/);
  });

  it("keeps to the organization's own limit where that is lower", async () => {
    const limited = { ...request, access: { ...request.access, maxFileBytes: 1_000 } };
    const upload = await (await intakeWith()).begin(limited);
    await assert.rejects(upload.write(Buffer.from(transactionsCsv(100))), /larger than/);
  });

  it('holds no more than two parts of a file in memory, however much slower the store is', async () => {
    const slow: RawStore = {
      ...store,
      create: (key) => {
        const writer = store.create(key);
        return {
          get bufferedBytes() {
            return writer.bufferedBytes;
          },
          write: async (...chunks) => {
            await new Promise((resolve) => setTimeout(resolve, 1));
            await writer.write(...chunks);
            assert.ok(writer.bufferedBytes <= MAX_BUFFERED_BYTES);
          },
          complete: () => writer.complete(),
          abort: () => writer.abort(),
        };
      },
    };
    const upload = await (await intakeWith({ store: slow })).begin(request);
    await upload.write(Buffer.from(transactionsCsv(1)));
    const before = process.memoryUsage().arrayBuffers;
    const chunk = Buffer.from(transactionsCsv(6_000)).subarray(0, MIB);
    for (let count = 0; count < 64; count += 1) await upload.write(chunk);
    const grown = process.memoryUsage().arrayBuffers - before;
    await upload.abandon(new Refusal('INCOMPLETE_FILE', 'enough'));
    assert.ok(grown < 2 * MAX_BUFFERED_BYTES, `${grown} bytes more`);
  });

  it('waits for the operation that runs before it abandons, and a received file stays received', async () => {
    const upload = await (await intakeWith()).begin(request);
    const written = upload.write(Buffer.from(transactionsCsv(2, 5)));
    const sealed = upload.seal();
    const committed = upload.commit();
    const abandoned = upload.abandon(new Refusal('INCOMPLETE_FILE', 'too late'));
    await Promise.all([written, sealed, committed, abandoned]);
    assert.equal((await findUpload(database.pool, upload.id))?.status, 'PENDING');
  });

  it('refuses early when the database is away, without a sentence about its insides', async () => {
    const intake = await intakeWith({
      records: { begin: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.5:5432')) },
    });
    await assert.rejects(intake.begin(request), (error: Refusal) => {
      assert.equal(error.code, 'SERVICE_UNAVAILABLE');
      assert.doesNotMatch(error.message, /10\.0\.0\.5|ECONNREFUSED/);
      return true;
    });
  });

  it('fails the upload and leaves no object when the transaction fails', async () => {
    const upload = await (await intakeWith()).begin(request);
    await upload.write(Buffer.from(transactionsCsv(2)));
    await upload.seal();
    const constraint = 'ALTER TABLE piing.jobs ADD CONSTRAINT broken CHECK (cost < 0) NOT VALID';
    await database.pool.query(constraint);
    await assert.rejects(upload.commit(), /send the file again later/i);
    await database.pool.query('ALTER TABLE piing.jobs DROP CONSTRAINT broken');
    const record = await findUpload(database.pool, upload.id);
    assert.equal(record?.status, 'ABANDONED');
    await assert.rejects(store.read(record?.objectKey ?? ''), /has no object/);
  });

  it('fails a WRITE when the store is away', async () => {
    const broken: RawStore = {
      ...store,
      create: () => ({
        bufferedBytes: 0,
        write: () => Promise.reject(new StoreUnavailableError('no answer from 10.0.0.9')),
        complete: () => Promise.reject(new StoreUnavailableError('no answer')),
        abort: async () => false,
      }),
    };
    const upload = await (await intakeWith({ store: broken })).begin(request);
    await assert.rejects(upload.write(Buffer.from(transactionsCsv(1))), (error: Refusal) => {
      assert.equal(error.code, 'SERVICE_UNAVAILABLE');
      assert.ok(error.retryable);
      assert.doesNotMatch(error.message, /10\.0\.0\.9/);
      return true;
    });
  });

  it('refuses an unusable file in the very WRITE that shows it: some clients ignore what CLOSE says', async () => {
    const intake = await intakeWith();
    for (let round = 0; round < 20; round += 1) {
      const upload = await intake.begin(request);
      await assert.rejects(upload.write(Buffer.from('name,price\nPizza,12\n')), (error: Refusal) => {
        assert.equal(error.code, 'UNKNOWN_HEADER');
        return true;
      });
    }
  });

  describe('sweeps', () => {
    const sweep = () => sweepOnce({ pool: database.pool, store, logger: silentLogger, metrics });

    async function leaveUnfinished(seenAgo: string): Promise<{
      id: Awaited<ReturnType<Intake['begin']>>['id'];
      upload: Awaited<ReturnType<Intake['begin']>>;
    }> {
      const upload = await (await intakeWith()).begin(request);
      await upload.write(Buffer.from(transactionsCsv(2)));
      await upload.seal();
      await database.pool.query(
        `UPDATE piing.instances SET seen_at = now() - $2::interval
          WHERE id = (SELECT instance_id FROM piing.uploads WHERE id = $1)`,
        [upload.id, seenAgo],
      );
      return { id: upload.id, upload };
    }

    it('what a dead process was receiving: ABANDONED, and its object gone', async () => {
      const { id, upload } = await leaveUnfinished('2 minutes');
      await sweep();
      const record = await findUpload(database.pool, id);
      assert.equal(record?.status, 'ABANDONED');
      assert.equal(record?.errors[0]?.code, 'INTERRUPTED');
      await assert.rejects(store.read(record?.objectKey ?? ''), /has no object/);
      await assert.rejects(
        upload.commit(),
        /given up/,
        'a process that was only slow can no longer acknowledge it',
      );
    });

    it('nothing of a process that is alive', async () => {
      const { id, upload } = await leaveUnfinished('1 second');
      await sweep();
      assert.equal((await findUpload(database.pool, id))?.status, 'RECEIVING');
      await upload.commit();
    });

    it('what a dead process was receiving whose last sign of life was given before the clock was set back', async () => {
      const { id } = await leaveUnfinished('-1 hour');
      await sweep();
      assert.equal((await findUpload(database.pool, id))?.status, 'ABANDONED');
    });

    it('what a process left whose heartbeat row is gone', async () => {
      const { id } = await leaveUnfinished('1 second');
      await database.pool.query('UPDATE piing.uploads SET instance_id = $2 WHERE id = $1', [
        id,
        newInstanceId(),
      ]);
      await sweep();
      assert.equal((await findUpload(database.pool, id))?.status, 'ABANDONED');
    });
  });
});
