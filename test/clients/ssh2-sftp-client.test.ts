import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import SftpClient from 'ssh2-sftp-client';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { temporaryDirectory } from '../support/servers.ts';
import type { Tenant } from '../support/tenants.ts';

describe('ssh2-sftp-client', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let tenant: Tenant;
  let file: string;

  before(async () => {
    gateway = await startTestGateway();
    file = join(await temporaryDirectory('ssh2-sftp-client'), 'transactions.csv');
    await writeFile(file, transactionsCsv(5_000));
  });
  after(() => gateway.close());
  beforeEach(async () => {
    tenant = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
  });

  async function connected(work: (client: SftpClient) => Promise<void>): Promise<void> {
    const client = new SftpClient();
    await client.connect({
      host: '127.0.0.1',
      port: gateway.port,
      username: tenant.clientId,
      password: tenant.clientSecret,
    });
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }

  it('lists the schema types and puts a file', async () => {
    await connected(async (client) => {
      const names = (await client.list('/')).map((entry) => entry.name);
      assert.deepEqual(names.sort(), ['orgShifts', 'orgTransactions']);
      await client.put(file, '/orgTransactions/transactions.csv');
    });
    assert.equal((await gateway.finished(tenant)).rows?.loaded, 5_000);
  });

  it('puts a file fast, with its pieces in flight together', async () => {
    await connected(async (client) => {
      await client.fastPut(file, '/orgTransactions/fast.csv');
      assert.equal(await client.exists('/orgTransactions/fast.csv'), '-');
      assert.equal(await client.exists('/orgTransactions/absent.csv'), false);
    });
    assert.equal((await gateway.finished(tenant)).rows?.loaded, 5_000);
  });

  it('cannot append, and is told so', async () => {
    await connected(async (client) => {
      await client.put(file, '/orgTransactions/transactions.csv');
      await assert.rejects(
        client.append(Buffer.from('x,y\n'), '/orgTransactions/transactions.csv'),
        /send the whole file|NO_APPEND|unsupported/i,
      );
    });
    assert.equal((await gateway.uploads(tenant)).length, 1);
  });

  it('learns why a file is refused', async () => {
    await connected(async (client) => {
      await assert.rejects(
        client.put(Buffer.from('a;b\n1;2\n'), '/orgTransactions/wrong.csv'),
        /semicolons|Failure/,
      );
    });
  });
});
