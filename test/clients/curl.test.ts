import assert from 'node:assert/strict';
import { hasProgram, requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, LARGE_ROWS } from './fixture.ts';

describe('curl by SFTP', function () {
  this.timeout(60_000);
  let fixture: ClientFixture;
  let tenant: Tenant;

  before(async function () {
    requireClient(this, 'curl', hasProgram('curl'));
    fixture = await clientFixture('curl');
  });
  after(() => fixture?.gateway.close());
  beforeEach(async () => {
    tenant = await fixture.newTenant();
  });

  const put = (file: string, path: string): Promise<Ran> =>
    run('curl', ['--silent', '--show-error', '--insecure', '--config', '-'], {
      input: [
        `url = "sftp://127.0.0.1:${fixture.gateway.port}${path}"`,
        `user = "${tenant.clientId}:${tenant.clientSecret}"`,
        `upload-file = "${file}"`,
      ].join('\n'),
    });

  it('puts a file', async () => {
    const { code, stderr } = await put(fixture.large, '/orgTransactions/sales.csv');
    assert.equal(code, 0, stderr);
    assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
  });

  it('fails for a file that is refused while it is sent', async () => {
    const { code } = await put(fixture.wrong, '/orgTransactions/wrong.csv');
    assert.notEqual(code, 0);
    assert.equal((await fixture.gateway.uploads(tenant))[0]?.status, 'ABANDONED');
  });

  it('fails for a folder that is not enabled', async () => {
    assert.notEqual((await put(fixture.good, '/generic_transactions/x.csv')).code, 0);
  });
});
