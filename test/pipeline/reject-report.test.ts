import assert from 'node:assert/strict';
import { RejectReport } from '../../src/pipeline/reject-report.ts';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import {
  ObjectNotFoundError,
  type RawObjectWriter,
  StoreUnavailableError,
} from '../../src/storage/raw-store.ts';
import { temporaryDirectory } from '../support/servers.ts';

const fault = { line: 2, column: 'b', code: 'X', message: 'It is wrong. Mend it.', value: null };

describe('The reject report', () => {
  async function reportOf(
    rows: readonly (readonly string[])[],
    headers: readonly string[] = ['a', 'b'],
  ): Promise<string> {
    const store = createDirectoryStore(await temporaryDirectory('report'));
    const report = new RejectReport(store.create('r.csv'));
    for (const [index, cells] of rows.entries())
      await report.add(headers, { line: index + 2, values: [], cells }, [fault, fault]);
    await report.end();
    let text = '';
    for await (const chunk of await store.read('r.csv')) text += chunk;
    return text;
  }

  it('has the columns of the file, then the line and what is wrong', async () => {
    assert.equal(
      await reportOf([['1', 'x,"y"']]),
      'a,b,_line,_errors\n1,"x,""y""",2,It is wrong. Mend it.; It is wrong. Mend it.\n',
    );
  });

  it('of a report that was sent again has its line and errors once, and anew', async () => {
    assert.equal(
      await reportOf([['1', 'x', '77', 'It was wrong.']], ['a', 'b', '_line', '_errors']),
      'a,b,_line,_errors\n1,x,2,It is wrong. Mend it.; It is wrong. Mend it.\n',
    );
  });

  it('lets no spreadsheet run a formula, and leaves negative numbers alone', async () => {
    const [, ...rows] = (
      await reportOf([
        ['=1+1', '+A1'],
        ['-12.50', '@SUM(A1)'],
        ['-cmd', '\tx'],
      ])
    ).split('\n');
    assert.match(rows[0] ?? '', /^'=1\+1,'\+A1,/);
    assert.match(rows[1] ?? '', /^-12\.50,'@SUM\(A1\),/);
    assert.match(rows[2] ?? '', /^'-cmd,'\tx,/);
  });

  it('is not stored when no row was rejected, nor when the run ends badly', async () => {
    const store = createDirectoryStore(await temporaryDirectory('report'));
    await new RejectReport(store.create('none.csv')).end();
    await assert.rejects(store.read('none.csv'), ObjectNotFoundError);
    const aborted = new RejectReport(store.create('aborted.csv'));
    await aborted.add(['a'], { line: 2, values: [], cells: ['1'] }, [fault]);
    await aborted.abort();
    await assert.rejects(store.read('aborted.csv'), ObjectNotFoundError);
  });

  it('says that the store failed, and leaves no rejection unhandled', async () => {
    const broken: RawObjectWriter = {
      bufferedBytes: 0,
      write: () => Promise.reject(new StoreUnavailableError('no answer')),
      complete: async () => undefined,
      abort: async () => false,
    };
    const report = new RejectReport(broken);
    await assert.rejects(async () => {
      for (let line = 2; line < 20_000; line += 1)
        await report.add(['a'], { line, values: [], cells: ['x'.repeat(100)] }, [fault]);
      await report.end();
    }, StoreUnavailableError);
    await report.abort();
  });
});
