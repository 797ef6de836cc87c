import assert from 'node:assert/strict';
import { join } from 'node:path';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { requireClient } from '../support/clients.ts';
import { faketimeLibrary, makeClock } from '../support/clock.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { startRole } from '../support/role-process.ts';
import { freePort, temporaryDirectory } from '../support/servers.ts';
import { createTenant } from '../support/tenants.ts';

/** The library looks for its clock once a second, the gateway at its sessions too. */
const NOTICED_MS = 5_000;

describe('A gateway whose clock is set', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  before(async () => {
    database = await migratedDatabase();
  });
  after(() => database.close());

  it('takes no session for idle and no file for slow because of it', async function () {
    const library = faketimeLibrary();
    requireClient(this, 'faketime', library !== undefined);
    const directory = await temporaryDirectory('clock');
    const clock = await makeClock(String(library), join(directory, 'clock'));
    await keepHostKeys(directory);
    const port = await freePort();
    const gateway = await startRole('gateway', {
      DATABASE_URL: database.url,
      PIING_RAW_STORE: join(directory, 'raw'),
      PIING_HOST_KEYS: join(directory, 'ssh_host_ed25519_key'),
      PIING_SFTP_PORT: String(port),
      ...clock.environment,
    });
    const { clientId: username, clientSecret: password } = await createTenant(database.pool);
    const sftp = await RawSftp.connect({ host: '127.0.0.1', port, username, password });
    const handle = await sftp.openHandle('/orgTransactions/a.csv');
    const content = Buffer.from(transactionsCsv(10));
    for (const [at, seconds] of [100_000, -100_000, 0].entries()) {
      await clock.set(seconds);
      await new Promise((resolve) => setTimeout(resolve, NOTICED_MS));
      const third = Math.ceil(content.length / 3);
      const written = await sftp.write(handle, at * third, content.subarray(at * third, (at + 1) * third));
      assert.deepEqual(written, { type: 'status', code: 0, message: 'OK' });
    }
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    sftp.drop();
    assert.equal(await gateway.stop(), 0);
  });
});
