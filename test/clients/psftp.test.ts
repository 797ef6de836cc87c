import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasProgram, requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, LARGE_ROWS } from './fixture.ts';

describe("PuTTY's psftp", function () {
  this.timeout(60_000);
  let fixture: ClientFixture;
  let tenant: Tenant;

  before(async function () {
    requireClient(this, 'psftp', hasProgram('psftp'));
    fixture = await clientFixture('psftp');
  });
  after(() => fixture?.gateway.close());
  beforeEach(async () => {
    tenant = await fixture.newTenant();
  });

  /** The host key is pinned, as scripts have to do it; the password is in a file. */
  async function psftp(commands: readonly string[]): Promise<Ran> {
    const password = join(fixture.directory, 'password');
    await writeFile(password, tenant.clientSecret, { mode: 0o600 });
    const batch = join(fixture.directory, 'batch');
    await writeFile(batch, commands.join('\n'));
    const options = ['-batch', '-P', String(fixture.gateway.port), '-pwfile', password, '-b', batch];
    const pinned = fixture.gateway.hostKeys.flatMap(({ publicBlob }) => [
      '-hostkey',
      `SHA256:${createHash('sha256').update(publicBlob).digest('base64').replace(/=+$/, '')}`,
    ]);
    return run('psftp', [...options, ...pinned, `${tenant.clientId}@127.0.0.1`], {
      env: { HOME: fixture.directory },
    });
  }

  it('puts a file and lists it', async () => {
    const { stdout, stderr } = await psftp(['cd orgTransactions', `put ${fixture.large} sales.csv`, 'ls']);
    assert.match(stdout, /sales\.csv/, stderr);
    assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
  });

  it('puts several files (mput)', async () => {
    const folder = join(fixture.directory, 'several');
    await mkdir(folder, { recursive: true });
    for (const name of ['a.csv', 'b.csv']) await copyFile(fixture.good, join(folder, name));
    const { stderr } = await psftp(['cd orgTransactions', `lcd ${folder}`, 'mput *.csv']);
    assert.equal((await fixture.gateway.uploads(tenant)).length, 2, stderr);
  });

  it('shows why a file is refused', async () => {
    const { stdout, stderr } = await psftp([`put ${fixture.wrong} /orgTransactions/wrong.csv`]);
    assert.match(stdout + stderr, /error while|failure/i);
    assert.equal((await fixture.gateway.uploads(tenant))[0]?.status, 'ABANDONED');
  });
});
