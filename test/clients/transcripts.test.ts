import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { Transcript } from './transcripts/transcript.ts';

const FOLDER = new URL('./transcripts/', import.meta.url);

describe('Clients that do not run here, by transcripts of what they send:', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
    it(name.replace('.txt', ''), async () => {
      const tenant = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
      const sftp = await gateway.connect(tenant);
      const seen = new Set<string>();
      const transcript = new Transcript(
        readFileSync(new URL(name, FOLDER), 'utf8'),
        sftp,
        async ({ fileName, status, rows }) => {
          const upload = await until(async () =>
            (await gateway.uploads(tenant)).find(
              (each) => each.fileName === fileName && each.completedAt && !seen.has(each.id),
            ),
          );
          seen.add(upload.id);
          assert.equal(upload.status, status);
          assert.equal(upload.rows?.total, rows);
        },
      );
      await transcript.play();
      assert.ok(seen.size > 0, 'a transcript says what becomes of its files');
      assert.equal(await sftp.quit(), 0);
    });
  }
});
