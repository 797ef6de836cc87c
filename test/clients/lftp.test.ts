import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasProgram, requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, GOOD_ROWS, LARGE_ROWS } from './fixture.ts';

describe('lftp', function () {
  this.timeout(60_000);
  let fixture: ClientFixture;
  let tenant: Tenant;

  before(async function () {
    requireClient(this, 'lftp', hasProgram('lftp'));
    fixture = await clientFixture('lftp');
  });
  after(() => fixture?.gateway.close());
  beforeEach(async () => {
    tenant = await fixture.newTenant();
  });

  /** The password is in the script, not on a command line. */
  async function lftp(commands: readonly string[]): Promise<Ran> {
    const script = join(fixture.directory, 'script');
    await writeFile(
      script,
      [
        'set sftp:auto-confirm yes',
        'set sftp:connect-program "ssh -a -x -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null"',
        'set net:max-retries 1',
        'set cmd:fail-exit yes',
        `open -u ${tenant.clientId},${tenant.clientSecret} sftp://127.0.0.1:${fixture.gateway.port}`,
        ...commands,
      ].join('\n'),
      { mode: 0o600 },
    );
    return run('lftp', ['-f', script]);
  }

  it('puts a file, and sees it with its status', async () => {
    const { code, stdout, stderr } = await lftp([
      'cd /orgTransactions',
      `put ${fixture.large} -o sales.csv`,
      'cls -l sales.csv',
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /sales\.csv/);
    assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
  });

  it('mirrors a folder (mirror -R), with files at the same time', async () => {
    const folder = join(fixture.directory, 'mirror');
    await mkdir(folder, { recursive: true });
    for (const name of ['a.csv', 'b.csv', 'c.csv']) await copyFile(fixture.good, join(folder, name));
    const { code, stderr } = await lftp([`mirror -R --parallel=3 ${folder} /orgTransactions`]);
    assert.equal(code, 0, stderr);
    const names = (await fixture.gateway.uploads(tenant)).map((upload) => upload.fileName);
    assert.deepEqual(names.sort(), ['a.csv', 'b.csv', 'c.csv']);
  });

  it('puts under a temporary name and renames (xfer:use-temp-file)', async () => {
    const { code, stderr } = await lftp([
      'set xfer:use-temp-file yes',
      `put -O /orgTransactions ${fixture.good}`,
    ]);
    assert.equal(code, 0, stderr);
    const upload = await fixture.gateway.finished(tenant);
    assert.equal(upload.fileName, 'february-sales.csv');
    assert.equal(upload.rows?.loaded, GOOD_ROWS);
  });

  it('shows why a file is refused, and fails', async () => {
    const { code, stdout, stderr } = await lftp([`put -O /orgTransactions ${fixture.wrong}`]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /HEADER|column/i);
    assert.equal((await fixture.gateway.uploads(tenant))[0]?.status, 'ABANDONED');
  });
});
