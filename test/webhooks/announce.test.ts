import assert from 'node:assert/strict';
import { uploadView } from '../../src/api/upload-views.ts';
import { inTransaction } from '../../src/database/pool.ts';
import { sweepOnce } from '../../src/intake/sweeper.ts';
import { findUpload } from '../../src/intake/upload-queries.ts';
import { createUploadRecords } from '../../src/intake/upload-records.ts';
import { finishProcessing } from '../../src/pipeline/progress.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { newInstanceId, type OrganizationId } from '../../src/support/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { removeOrganization } from '../../src/tenancy/apply-organization.ts';
import { announceUpload } from '../../src/webhooks/announce.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { COMPLETED, endUpload, hookedOrganization, newUpload, webhook } from './fixture.ts';

const URL = 'https://hooks.example.com/';
const BAD_LINE = { line: 2, column: 'currency', code: 'INVALID_CURRENCY', message: 'No such.', value: 'X\0' };

describe('The end of an upload', () => {
  let database: TestDatabase;
  before(async () => {
    database = await migratedDatabase();
  });
  after(() => database.close());

  const messages = async (organizationId: OrganizationId) => {
    const sql =
      'SELECT endpoint, type, upload_id, body FROM piing.webhook_deliveries WHERE organization_id = $1 ORDER BY id';
    return (await database.pool.query(sql, [organizationId])).rows;
  };

  it('is one message for every webhook that asked for it, with the upload as the API shows it', async () => {
    const { id } = await hookedOrganization(
      database.pool,
      webhook('all', URL),
      webhook('bad', URL, ['upload.partially_completed', 'upload.failed']),
      webhook('good', URL, ['upload.completed']),
    );
    const upload = await endUpload(database.pool, id, {
      status: 'PARTIALLY_COMPLETED',
      faults: [BAD_LINE],
      rows: { total: 2, loaded: 1, unchanged: 0, rejected: 1 },
    });
    const found = await messages(id);
    assert.deepEqual(
      found.map(({ endpoint, type, upload_id }) => [endpoint, type, upload_id]),
      [
        ['all', 'upload.partially_completed', upload],
        ['bad', 'upload.partially_completed', upload],
      ],
    );
    const record = await findUpload(database.pool, upload);
    assert.ok(record);
    const { type, timestamp, data } = JSON.parse(found[0].body);
    assert.equal(type, 'upload.partially_completed');
    assert.equal(timestamp, record.completedAt?.toISOString());
    assert.deepEqual(data, JSON.parse(JSON.stringify(uploadView(record))));
    assert.equal(data.errors[0].code, 'INVALID_CURRENCY');
  });

  it('is no message when the transaction that ends it is rolled back', async () => {
    const { id } = await hookedOrganization(database.pool, webhook('all', URL));
    const upload = await newUpload(database.pool, id);
    const failing = inTransaction(database.pool, async (client) => {
      await client.query(`UPDATE piing.uploads SET status = 'COMPLETED' WHERE id = $1`, [upload]);
      await announceUpload(client, upload);
      throw new Error('the database went away');
    });
    await assert.rejects(failing, /went away/);
    assert.deepEqual(await messages(id), []);
  });

  it('is told once, although two workers end it', async () => {
    const { id } = await hookedOrganization(database.pool, webhook('all', URL));
    const upload = await newUpload(database.pool, id);
    await Promise.all([1, 2, 3].map(() => finishProcessing(database.pool, upload, COMPLETED)));
    assert.equal((await messages(id)).length, 1);
  });

  it('is told for a file that its client gave up, with the reason', async () => {
    const { id } = await hookedOrganization(database.pool, webhook('all', URL));
    const upload = await newUpload(database.pool, id, 'RECEIVING');
    await createUploadRecords(database.pool, newInstanceId()).abandon(upload, BAD_LINE, true);
    const [message] = await messages(id);
    assert.equal(message?.type, 'upload.abandoned');
    assert.equal(JSON.parse(message?.body).data.errors[0].code, 'INVALID_CURRENCY');
  });

  it('is told for a file that a dead gateway left', async () => {
    const { id } = await hookedOrganization(database.pool, webhook('all', URL));
    const upload = await newUpload(database.pool, id, 'RECEIVING');
    await sweepOnce({
      pool: database.pool,
      store: createDirectoryStore(await temporaryDirectory('swept')),
      logger: silentLogger,
      metrics: createMetrics(),
    });
    const [message] = await messages(id);
    assert.deepEqual([message?.type, message?.upload_id], ['upload.abandoned', upload]);
    assert.equal(JSON.parse(message?.body).data.errors[0].code, 'INTERRUPTED');
  });

  it('is not told for an organization whose resource is gone, nor to a webhook that is disabled', async () => {
    const gone = await hookedOrganization(database.pool, webhook('all', URL));
    await removeOrganization(database.pool, 'default', gone.id);
    await endUpload(database.pool, gone.id);
    assert.deepEqual(await messages(gone.id), []);
    const disabled = await hookedOrganization(database.pool, webhook('all', URL), webhook('other', URL));
    await database.pool.query(
      `UPDATE piing.webhook_endpoints SET disabled_at = now() WHERE organization_id = $1 AND name = 'all'`,
      [disabled.id],
    );
    await endUpload(database.pool, disabled.id);
    assert.deepEqual(
      (await messages(disabled.id)).map(({ endpoint }) => endpoint),
      ['other'],
    );
  });

  it('goes with the upload when that is deleted', async () => {
    const { id } = await hookedOrganization(database.pool, webhook('all', URL));
    const upload = await endUpload(database.pool, id);
    await database.pool.query('DELETE FROM piing.uploads WHERE id = $1', [upload]);
    assert.deepEqual(await messages(id), []);
  });
});
