import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGoTools } from '../../tools/go-tools.mjs';
import { hasProgram, requireClient } from '../support/clients.ts';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, GOOD_ROWS, LARGE_ROWS } from './fixture.ts';

const CLIENTS = [
  { name: 'rclone of Debian, before it used temporary names', program: () => 'rclone', temporary: false },
  {
    name: 'rclone of today, which sends x.csv.1a2b3c4d.partial and renames',
    program: () => join(buildGoTools('sftp-clients'), 'rclone'),
    temporary: true,
  },
];

for (const { name, program, temporary } of CLIENTS) {
  describe(name, function () {
    this.timeout(600_000);
    let fixture: ClientFixture;
    let tenant: Tenant;
    let rclone: string;
    let config: string;

    before(async function () {
      requireClient(this, 'rclone', hasProgram('rclone'));
      rclone = program();
      fixture = await clientFixture('rclone');
    });
    after(() => fixture?.gateway.close());
    beforeEach(async () => {
      tenant = await fixture.newTenant();
      const obscured = spawnSync(rclone, ['obscure', '-'], { input: tenant.clientSecret, encoding: 'utf8' });
      config = join(fixture.directory, 'rclone.conf');
      const lines = [
        '[piing]',
        'type = sftp',
        'host = 127.0.0.1',
        `port = ${fixture.gateway.port}`,
        `user = ${tenant.clientId}`,
        `pass = ${obscured.stdout.trim()}`,
      ];
      await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
    });

    const run1 = (...args: string[]): Promise<Ran> =>
      run(rclone, ['--config', config, '--retries', '1', '--low-level-retries', '1', ...args]);

    it('copies a file', async () => {
      const { code, stderr } = await run1('copy', fixture.large, 'piing:/orgTransactions');
      assert.equal(code, 0, stderr);
      const upload = await fixture.gateway.finished(tenant);
      assert.equal(upload.fileName, 'large.csv');
      assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
    });

    it('copies a file under another name', async () => {
      const { code, stderr } = await run1('copyto', fixture.good, 'piing:/orgTransactions/renamed.csv');
      assert.equal(code, 0, stderr);
      assert.equal((await fixture.gateway.finished(tenant)).fileName, 'renamed.csv');
    });

    it('copies a folder, four files at a time', async () => {
      const folder = join(fixture.directory, 'folder');
      await mkdir(folder, { recursive: true });
      const names = ['1.csv', '2.csv', '3.csv', '4.csv', '5.csv', '6.csv'];
      for (const file of names) await copyFile(fixture.good, join(folder, file));
      const { code, stderr } = await run1('copy', folder, 'piing:/orgTransactions');
      assert.equal(code, 0, stderr);
      assert.deepEqual((await fixture.gateway.uploads(tenant)).map(({ fileName }) => fileName).sort(), names);
    });

    it('fails for a file that is refused, and leaves nothing', async () => {
      const { code, stderr } = await run1('copy', fixture.wrong, 'piing:/orgTransactions');
      assert.notEqual(code, 0);
      assert.match(stderr, /HEADER|column|Failure|failed/i);
      const uploads = await fixture.gateway.uploads(tenant);
      assert.ok(uploads.length > 0 && uploads.every(({ status }) => status === 'ABANDONED'));
    });

    if (temporary) {
      it('copies in place (--inplace)', async () => {
        const { code, stderr } = await run1('copy', '--inplace', fixture.good, 'piing:/orgTransactions');
        assert.equal(code, 0, stderr);
        assert.equal((await fixture.gateway.finished(tenant)).rows?.loaded, GOOD_ROWS);
      });
    }
  });
}
