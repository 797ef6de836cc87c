import assert from 'node:assert/strict';
import { readFirstRecord } from '../../src/pipeline/read/read-file.ts';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { ask, csv, schemaType, upload } from './http-client.ts';

describe('The reject report of an upload', () => {
  let fixture: ApiFixture;
  let token: string;

  before(async () => {
    fixture = await startApiFixture({ preflight: readFirstRecord });
    token = await fixture.tokenOf(await fixture.addClient('acme'));
  });
  after(() => fixture.close());

  /** Sends a file, lets the pipeline take it to its end, and returns what became of it. */
  async function send(content: string, fileName: string) {
    const { status, body } = await upload(fixture.api, token, [schemaType(), csv(content, fileName)]);
    assert.equal(status, 202, JSON.stringify(body));
    await fixture.processJobs();
    return (await ask(`${fixture.api}/upload/${body.uploadId}`, { token })).body as {
      status: string;
      rows: unknown;
      warnings: unknown;
      links: { rejects?: string };
    };
  }
  async function download(path = ''): Promise<string> {
    const response = await fetch(`${fixture.server.url}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(response.status, 200);
    return response.text();
  }

  it('has the columns of the file, and is loaded as it is once its values are mended', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => transactionLine(index));
    for (const bad of [3, 11]) rows[bad] = (rows[bad] ?? '').replace(',USD,', ',Dollar,');
    const first = await send(`${TRANSACTIONS_HEADER}\n${rows.join('\n')}\n`, 'february.csv');
    assert.equal(first.status, 'PARTIALLY_COMPLETED');
    assert.deepEqual(first.rows, { total: 20, loaded: 18, unchanged: 0, rejected: 2 });
    const report = await download(first.links.rejects);
    const [header, ...lines] = report.trim().split('\n');
    assert.equal(header, `${TRANSACTIONS_HEADER},_line,_errors`);
    assert.equal(lines.length, 2);
    const second = await send(report.replaceAll(',Dollar,', ',USD,'), 'february.rejects.csv');
    assert.equal(second.status, 'COMPLETED');
    assert.deepEqual(second.rows, { total: 2, loaded: 2, unchanged: 0, rejected: 0 });
    assert.deepEqual(second.warnings, []);
    assert.equal(second.links.rejects, undefined);
  });

  it('sent again unmended is rejected again, with a report of the same rows', async () => {
    const bad = transactionLine(100).replace(',USD,', ',Dollar,');
    const first = await send(`${TRANSACTIONS_HEADER}\n${transactionLine(99)}\n${bad}\n`, 'march.csv');
    const report = await download(first.links.rejects);
    const second = await send(report, 'march.rejects.csv');
    assert.equal(second.status, 'FAILED');
    const again = await download(second.links.rejects);
    assert.equal(again.trim().split('\n').length, 2);
    assert.ok(again.includes(',Dollar,'));
    const third = await send(again.replaceAll(',Dollar,', ',USD,'), 'march.mended.csv');
    assert.equal(third.status, 'COMPLETED');
    assert.deepEqual(third.warnings, []);
  });
});
