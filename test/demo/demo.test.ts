import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPage } from '../../tools/build-page.mjs';
import { dayOf } from '../../tools/demo/day.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';

const SAMPLES = { 'orgTransactions.csv': 'a', 'orgShifts.csv': 'b', 'generic_transactions.json': 'c' };

describe('npm run demo', () => {
  it('plays the same day for the same seed, and another one for another', () => {
    const day = { seed: 1, day: '2026-02-20', samples: SAMPLES };
    assert.deepEqual(dayOf(day), dayOf(day));
    const other = dayOf({ ...day, seed: 2 });
    assert.notDeepEqual(dayOf(day), other);
    assert.deepEqual(
      dayOf(day).map(({ fileName }) => fileName),
      other.map(({ fileName }) => fileName),
    );
  });

  it('leaves uploads of every fate behind, says where to look, and shows no secret', async function () {
    this.timeout(180_000);
    const directory = join(await temporaryDirectory('demo'), 'data');
    const { code, stdout, stderr } = await run(
      process.execPath,
      ['tools/demo/main.ts', '--pace', '0', '--exit', '--day', '2026-02-20', '--data', directory],
      {
        env: {
          PIING_SFTP_PORT: '0',
          PIING_HTTP_PORT: '0',
          PIING_METRICS_PORT: '0',
          PIING_PAGE_DIR: await buildPage(),
        },
        timeoutMs: 170_000,
      },
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Uploads page {2}http:\/\/127\.0\.0\.1:\d+\/$/m);
    for (const credential of ['blue-bistro-pos.json', 'corner-books-erp.json']) {
      const path = join(directory, 'credentials', credential);
      assert.ok(stdout.includes(path));
      assert.ok((await stat(path)).isFile());
    }
    assert.doesNotMatch(stdout, /piing_sk_/);
    assert.match(
      stdout,
      /^blue-bistro: 34 uploads \(1 FAILED, 1 PARTIALLY_COMPLETED, 2 ABANDONED, 30 COMPLETED\), \d{4} rows loaded$/m,
    );
    assert.match(
      stdout,
      /^corner-books: 10 uploads \(1 FAILED, 1 PARTIALLY_COMPLETED, 8 COMPLETED\), \d{3} rows loaded$/m,
    );
  });

  it('explains its options for a wrong one', async () => {
    const { code, stdout } = await run(process.execPath, ['tools/demo/main.ts', '--pace', 'slow']);
    assert.equal(code, 1);
    assert.match(stdout, /--pace SECONDS/);
  });
});
