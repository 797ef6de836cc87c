import assert from 'node:assert/strict';
import type { Upload } from '../../src/page/wire.ts';
import { beganAt, size, stateOf } from '../../src/page/words.ts';

const upload = (change: Partial<Upload>): Upload => ({
  uploadId: '01a21b97-17c5-7174-8d9a-c338197fa88b',
  status: 'COMPLETED',
  schemaType: 'orgTransactions',
  fileName: 'sales.csv',
  source: 'sftp',
  sizeBytes: 1,
  sha256: null,
  receivedAt: null,
  startedAt: null,
  completedAt: null,
  rows: null,
  errors: [],
  warnings: [],
  retryable: false,
  duplicateOf: null,
  ...change,
});

const loaded = (news: number, unchanged: number, rejected: number) =>
  stateOf(upload({ rows: { total: news + unchanged + rejected, loaded: news, unchanged, rejected } }));

const fault = (line: number | null) => ({ line, column: null, code: 'X', message: 'Too late.', value: null });

describe('The words of the uploads page', () => {
  it('tell how many rows were loaded, how many were not new, and how many need attention', () => {
    assert.equal(loaded(997, 0, 3), 'Loaded 997 of 1,000 rows. 3 rows need attention.');
    assert.equal(loaded(0, 0, 1), 'Loaded 0 of 1 row. 1 row needs attention.');
    assert.equal(loaded(25, 0, 0), 'Loaded all 25 rows.');
    assert.equal(loaded(20, 5, 0), 'Loaded all 25 rows, 5 of them not new.');
    assert.equal(loaded(0, 25, 0), 'Loaded all 25 rows, none of them new.');
    assert.equal(loaded(1, 0, 0), 'Loaded the only row.');
    assert.equal(loaded(0, 1, 0), 'Loaded the only row, which was not new.');
    assert.equal(loaded(0, 22, 3), 'Loaded 22 of 25 rows, none of them new. 3 rows need attention.');
  });

  it('tell whose fault a failure was, and who has to do something', () => {
    assert.match(stateOf(upload({ status: 'FAILED' })), /Mend the file and send it again/);
    assert.match(stateOf(upload({ status: 'FAILED', retryable: true })), /administrator can run it again/);
  });

  it('tell a file that was refused from one that did not arrive', () => {
    const notReceived = (errors: Upload['errors']) => stateOf(upload({ status: 'ABANDONED', errors }));
    assert.match(notReceived([fault(1)]), /^Not accepted/);
    assert.equal(notReceived([fault(null)]), 'Not received. Too late.');
    assert.match(notReceived([]), /^Broken off/);
  });

  it('count bytes as file managers do', () => {
    assert.deepEqual([1, 1_023, 1_024, 10_240, 104_857_600, 5 * 1024 ** 4].map(size), [
      '1 byte',
      '1,023 bytes',
      '1.0 KB',
      '10 KB',
      '100 MB',
      '5.0 TB',
    ]);
  });

  it('know from its id when an upload began, also when nothing of it arrived', () => {
    assert.equal(beganAt(upload({})).toISOString(), '2026-11-27T06:00:16.581Z');
  });
});
