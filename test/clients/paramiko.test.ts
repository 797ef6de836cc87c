import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pythonWith, requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import type { Tenant } from '../support/tenants.ts';

/** Connects, lists the schema types, puts one file: what tenants' scripts do. */
const SCRIPT = `
import os, sys, paramiko
transport = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
transport.connect(username=sys.argv[2], password=os.environ["SECRET"])
sftp = paramiko.SFTPClient.from_transport(transport)
print("folders:", sorted(sftp.listdir("/")))
try:
    sftp.put(sys.argv[3], sys.argv[4])
    print("put")
finally:
    sftp.close()
    transport.close()
`;

describe('paramiko', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let tenant: Tenant;
  let directory: string;
  let python: string | undefined;

  before(async function () {
    python = pythonWith('paramiko');
    requireClient(this, 'paramiko', python !== undefined);
    gateway = await startTestGateway();
    directory = await temporaryDirectory('paramiko');
  });
  after(() => gateway?.close());
  beforeEach(async () => {
    tenant = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
  });

  async function put(content: string, remote: string): Promise<Ran> {
    const file = join(directory, 'transactions.csv');
    await writeFile(file, content);
    const args = ['-c', SCRIPT, String(gateway.port), tenant.clientId, file, remote];
    return run(python ?? 'python3', args, { env: { SECRET: tenant.clientSecret } });
  }

  it('lists the schema types and puts a file', async () => {
    const { code, stdout, stderr } = await put(transactionsCsv(5_000), '/orgTransactions/transactions.csv');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /folders: \['orgShifts', 'orgTransactions'\]\nput/);
    assert.equal((await gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(gateway, tenant.organizationId), 5_000);
  });

  it('reports a refused file, although it ignores the replies to its writes', async () => {
    const { code, stdout } = await put('wrong,header\n1,2\n', '/orgTransactions/wrong.csv');
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout, /put/);
  });
});
