import assert from 'node:assert/strict';
import { installPythonTools } from '../../tools/python-tools.mjs';
import { pythonWith, requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, LARGE_ROWS } from './fixture.ts';

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

interface Variant {
  readonly name: string;
  /** What runs it, or undefined where it is missing. */
  find(): { readonly python: string; readonly env: Record<string, string> } | undefined;
}

const VARIANTS: readonly Variant[] = [
  {
    name: 'paramiko of Debian',
    find: () => {
      const python = pythonWith('paramiko');
      return python === undefined ? undefined : { python, env: {} };
    },
  },
  {
    name: 'paramiko of today',
    find: () => {
      const modules = installPythonTools();
      return modules === undefined ? undefined : { python: 'python3', env: { PYTHONPATH: modules } };
    },
  },
];

for (const variant of VARIANTS) {
  describe(variant.name, function () {
    this.timeout(120_000);
    let fixture: ClientFixture;
    let tenant: Tenant;
    let found: ReturnType<Variant['find']>;

    before(async function () {
      found = variant.find();
      requireClient(this, variant.name, found !== undefined);
      fixture = await clientFixture('paramiko');
    });
    after(() => fixture?.gateway.close());
    beforeEach(async () => {
      tenant = await fixture.newTenant();
    });

    const put = (local: string, remote: string): Promise<Ran> =>
      run(found?.python ?? '', ['-c', SCRIPT, String(fixture.gateway.port), tenant.clientId, local, remote], {
        env: { ...found?.env, SECRET: tenant.clientSecret },
      });

    it('lists the schema types and puts a file', async () => {
      const { code, stdout, stderr } = await put(fixture.large, '/orgTransactions/transactions.csv');
      assert.equal(code, 0, stderr);
      assert.match(stdout, /folders: \['orgShifts', 'orgTransactions'\]\nput/);
      assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
      assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
    });

    it('reports a refused file, although it ignores the replies to its writes', async () => {
      const { code, stdout } = await put(fixture.wrong, '/orgTransactions/wrong.csv');
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout, /put/);
    });
  });
}
