import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Refusal } from '../../src/intake/refusal.ts';
import { reportRoom } from '../../src/pipeline/reject-report.ts';
import { readAll } from '../pipeline/support.ts';
import { TRANSACTIONS_HEADER } from '../support/csv-files.ts';
import { startTestPipeline, type TestPipeline } from '../support/pipeline.ts';
import type { Tenant } from '../support/tenants.ts';

const MIB = 1024 * 1024;
/** Above what the process had before, with files of up to 8 MiB; parsers hold one record and one batch. */
const MAY_USE = 300 * MIB;
/** Processor time, which a busy machine does not change. */
const MAY_TAKE_MS = 15_000;

const repeat = (unit: string, bytes: number) => unit.repeat(Math.floor(bytes / unit.length));
const good = (id: string) =>
  `{"transaction_id":"${id}","location_id":"L","transaction_type":"sale","status":"closed","business_date":"2026-02-20","opened_at":"2026-02-20T10:00:00Z","currency":"USD","total_amount":"1.00"}`;
const keys = (record: number) =>
  Array.from({ length: 900 }, (_, index) => `"unknown-${record}-${index}":1`).join(',');

interface Hostile {
  readonly content: string | Uint8Array;
  /** How the file ends: a code of a refusal or of its first fault, or the status. */
  readonly ends: string;
  readonly name?: string;
}

/** Small files that unfold in whoever reads them carelessly. */
const FILES: Readonly<Record<string, () => Hostile>> = {
  'arrays in arrays': () => ({ content: repeat('[', 4 * MIB), ends: 'NESTING_TOO_DEEP' }),
  'objects in objects': () => ({ content: `[${repeat('{"a":', 4 * MIB)}`, ends: 'NESTING_TOO_DEEP' }),
  'arrays in a value that is not loaded': () => ({
    content: `{"meta":${repeat('[', 4 * MIB)}`,
    ends: 'NESTING_TOO_DEEP',
  }),
  'a key without end': () => ({ content: `[{"${repeat('k', 4 * MIB)}":1}]`, ends: 'RECORD_TOO_LARGE' }),
  'a number without end': () => ({ content: `[{"a":${repeat('9', 4 * MIB)}}]`, ends: 'RECORD_TOO_LARGE' }),
  'a number with an exponent without end': () => ({
    content: `[{"a":1e${repeat('9', 4 * MIB)}}]`,
    ends: 'RECORD_TOO_LARGE',
  }),
  'spaces without end': () => ({ content: repeat(' ', 8 * MIB), ends: 'RECORD_TOO_LARGE' }),
  'escapes without end': () => ({
    content: `[{"a":"${repeat('\\u0000', 4 * MIB)}"}]`,
    ends: 'RECORD_TOO_LARGE',
  }),
  'keys without end in one record': () => ({
    content: `[{${repeat('"k":1,', 4 * MIB)}"z":1}]`,
    ends: 'TOO_MANY_COLUMNS',
  }),
  'other keys in every record': () => ({
    content: `[${Array.from({ length: 300 }, (_, record) => good(`T-${record}`).replace('}', `,${keys(record)}}`)).join(',')}]`,
    ends: 'COMPLETED',
  }),
  'keys that mean something to JavaScript': () => ({
    content: `[${good('T-1').replace('}', ',"__proto__":{"status":"x"},"constructor":{"prototype":{"polluted":1}}}')}]`,
    ends: 'COMPLETED',
  }),
  'empty records': () => ({ content: `[${repeat('{},', 150_000)}{}]`, ends: 'FAILED' }),
  'records that are no objects': () => ({ content: `[${repeat('0,', 150_000)}0]`, ends: 'FAILED' }),
  'a compressed file': () => ({ content: gzipSync(Buffer.alloc(8 * MIB)), ends: 'NOT_TEXT' }),
  'columns without end': () => ({ content: repeat('a,', MIB / 2), ends: 'TOO_MANY_COLUMNS', name: 'x.csv' }),
  'a quote that never closes': () => ({
    content: `${TRANSACTIONS_HEADER}\n"${repeat('x\n', 4 * MIB)}`,
    ends: 'UNCLOSED_QUOTE',
    name: 'x.csv',
  }),
};

describe('A file that unfolds', function () {
  this.timeout(240_000);
  let pipeline: TestPipeline;
  let tenant: Tenant;

  before(async () => {
    pipeline = await startTestPipeline();
    tenant = await pipeline.tenant(['orgTransactions']);
  });
  after(() => pipeline.close());

  const send = (content: string | Uint8Array, fileName = 'x.json') =>
    pipeline.send({ tenant, schemaType: 'orgTransactions', fileName, content });

  for (const [what, make] of Object.entries(FILES)) {
    it(`takes little memory and time: ${what}`, async () => {
      const { content, ends, name } = make();
      const [memory, time] = [process.memoryUsage().rss, process.cpuUsage()];
      let most = memory;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 10);
      const outcome = await send(content, name)
        .then(({ status, errors }) => (status === 'FAILED' && ends !== 'FAILED' ? errors[0]?.code : status))
        .catch((error: unknown) => {
          if (error instanceof Refusal) return error.fault?.code ?? error.code;
          throw error;
        })
        .finally(() => clearInterval(watch));
      const { user, system } = process.cpuUsage(time);
      assert.equal(outcome, ends);
      assert.ok(most - memory < MAY_USE, `${Math.round((most - memory) / MIB)} MiB`);
      assert.ok((user + system) / 1_000 < MAY_TAKE_MS, `${Math.round((user + system) / 1_000)} ms`);
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    });
  }

  it('is remembered by the beginnings of its keys, however long they are', async () => {
    const record = (index: number) => `{"${index}${repeat('k', MIB - 100)}":1}`;
    const { records, unknown } = await readAll('json', `[${record(1)},${record(2)},${record(2)}]`);
    assert.equal(records.length, 3);
    assert.deepEqual(
      unknown.map((key) => [key.length, key.slice(0, 2)]),
      [
        [256, '1k'],
        [256, '2k'],
      ],
    );
  });

  it('gets no report that is many times as long as itself, and is told that rows are missing there', async () => {
    const content = `[${repeat('{},', 60_000)}{}]`;
    const upload = await send(content);
    assert.equal(upload.rows?.rejected, 20_001);
    const report = await pipeline.report(upload);
    const room = reportRoom(content.length);
    assert.ok(report.length > room / 2 && report.length < room * 1.1, `${report.length} of ${room}`);
    const rows = report.split('\n').length - 2;
    assert.deepEqual(upload.warnings, [
      {
        code: 'REPORT_CUT',
        message: `The report has the first ${rows} rejected rows; ${20_001 - rows} more are not in it. Mend the export and send the whole file again.`,
      },
    ]);
  });
});
