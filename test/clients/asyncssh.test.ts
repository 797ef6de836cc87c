import assert from 'node:assert/strict';
import { installPythonTools } from '../../tools/python-tools.mjs';
import { requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, LARGE_ROWS } from './fixture.ts';

/** Pieces of 16 KiB, up to 128 in flight, in any order. */
const SCRIPT = `
import asyncio, asyncssh, os, sys
async def main():
    async with asyncssh.connect("127.0.0.1", int(sys.argv[1]), username=sys.argv[2],
                                password=os.environ["SECRET"], known_hosts=None) as connection:
        async with connection.start_sftp_client() as sftp:
            print("folders:", sorted(name for name in await sftp.listdir("/") if not name.startswith(".")))
            for local, remote in zip(sys.argv[3::2], sys.argv[4::2]):
                try:
                    await sftp.put(local, remote, preserve=True)
                    print("put", remote)
                except asyncssh.SFTPError as error:
                    print("refused:", error.reason)
asyncio.run(main())
`;

describe('AsyncSSH', function () {
  this.timeout(120_000);
  let fixture: ClientFixture;
  let tenant: Tenant;
  let modules: string | undefined;

  before(async function () {
    modules = installPythonTools();
    requireClient(this, 'asyncssh', modules !== undefined);
    fixture = await clientFixture('asyncssh');
  });
  after(() => fixture?.gateway.close());
  beforeEach(async () => {
    tenant = await fixture.newTenant();
  });

  const script = (...files: readonly string[]): Promise<Ran> =>
    run('python3', ['-c', SCRIPT, String(fixture.gateway.port), tenant.clientId, ...files], {
      env: { SECRET: tenant.clientSecret, PYTHONPATH: modules ?? '' },
    });

  it('lists the schema types and puts a file in parallel pieces, with its times', async () => {
    const { code, stdout, stderr } = await script(fixture.large, '/orgTransactions/sales.csv');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /folders: \['orgShifts', 'orgTransactions'\]\nput/);
    assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
  });

  it('shows why a file is refused, and goes on with the next', async () => {
    const { stdout } = await script(
      fixture.wrong,
      '/orgTransactions/wrong.csv',
      fixture.good,
      '/orgTransactions/good.csv',
    );
    assert.match(stdout, /refused: .*\[.*HEADER.*\]\nput \/orgTransactions\/good\.csv/s);
  });
});
