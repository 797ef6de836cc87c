import assert from 'node:assert/strict';
import { Interruption } from '../../src/gateway/session/interruption.ts';
import { Refusal } from '../../src/intake/refusal.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

const FULL = 32_768;

function verdict(lengths: readonly number[], lastByte: string, format: 'csv' | 'json' = 'csv') {
  const interruption = new Interruption();
  let offset = 0;
  for (const length of lengths) {
    interruption.note([{ offset, length }]);
    offset += length;
  }
  const found = interruption.look({ format, lastByte: lastByte.charCodeAt(0) });
  return found instanceof Refusal ? 'refused' : found?.code;
}

describe('A transfer that was interrupted', () => {
  it('ends with a full WRITE in the middle of a line', () => {
    assert.equal(verdict([FULL, FULL], 'x'), 'refused');
    assert.equal(verdict([261_120, 261_120, 261_120], '"'), 'refused');
  });

  it('or, once in a row or so, between two lines: that is a warning', () => {
    assert.equal(verdict([FULL, FULL], '\n'), 'MAYBE_INTERRUPTED');
    assert.equal(verdict([FULL, FULL], '\r'), 'MAYBE_INTERRUPTED');
  });

  it('is not suspected where the last WRITE is shorter, or the only one, or all are short', () => {
    assert.equal(verdict([FULL, FULL, 1], 'x'), undefined);
    assert.equal(verdict([FULL], 'x'), undefined);
    assert.equal(verdict([4_096, 4_096], 'x'), undefined);
    assert.equal(verdict([FULL, FULL], '}', 'json'), undefined);
  });

  it('is judged by the piece that ends the file, not by the one that came last', () => {
    const interruption = new Interruption();
    interruption.note([
      { offset: 0, length: FULL },
      { offset: 2 * FULL, length: 10 },
      { offset: FULL, length: FULL },
    ]);
    assert.equal(interruption.look({ format: 'csv', lastByte: 0x78 }), undefined);
  });
});

describe('A file that was cut off, acknowledged or not,', () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  async function send(content: string, name: string) {
    const tenant = await gateway.tenant();
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle(`/orgTransactions/${name}`);
    for (let at = 0; at < content.length; at += FULL)
      await sftp.write(handle, at, content.slice(at, at + FULL));
    const closed = await sftp.close(handle);
    const stat = await sftp.stat(`/orgTransactions/${name}`);
    sftp.drop();
    assert.ok(closed.type === 'status');
    return { closed, stat, upload: await gateway.finished(tenant) };
  }

  const csv = transactionsCsv(2_000);
  const records = JSON.stringify(csv.split('\n').map((line) => ({ id: line })));

  it('by ^C in the middle of a line is refused at CLOSE, and STAT finds nothing', async () => {
    const { closed, stat, upload } = await send(csv.slice(0, 2 * FULL), 'interrupted.csv');
    assert.match(closed.message, /middle of a line.*INCOMPLETE_FILE/);
    assert.ok(stat.type === 'status' && stat.code === 2);
    assert.equal(upload.status, 'ABANDONED');
  });

  it('by ^C between two lines is taken with a warning', async () => {
    // A longer first line, so that a line ends where the second WRITE does.
    const end = csv.lastIndexOf('\n', 2 * FULL - 1);
    const content = csv.slice(0, end - 1) + 'x'.repeat(2 * FULL - end) + csv.slice(end - 1, end + 1);
    assert.equal(content.length, 2 * FULL + 1);
    const { closed, upload } = await send(content.slice(0, -2).concat('\n'), 'between.csv');
    assert.equal(closed.code, 0);
    assert.deepEqual(
      upload.warnings.map(({ code }) => code),
      ['MAYBE_INTERRUPTED'],
    );
  });

  it('by its exporter, in the middle of a row, is FAILED', async () => {
    const { closed, upload } = await send(csv.slice(0, csv.indexOf('\n', 40_000) + 20), 'short.csv');
    assert.equal(closed.code, 0, 'nothing at the door shows it');
    assert.equal(upload.status, 'FAILED');
    assert.equal(upload.errors[0]?.code, 'TRUNCATED_CSV');
  });

  it('so that JSON does not close is FAILED', async () => {
    const { upload } = await send(records.slice(0, 50_000), 'open.json');
    assert.equal(upload.status, 'FAILED');
    assert.equal(upload.errors[0]?.code, 'TRUNCATED_JSON');
  });
});
