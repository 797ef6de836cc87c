import assert from 'node:assert/strict';
import fc from 'fast-check';
import { writeToString } from 'fast-csv';
import type { FileFault } from '../../src/schemas/faults.ts';
import { KINDS, readAll } from './support.ts';

const rejects = (content: string | Uint8Array, code: string, message: RegExp, line?: number) =>
  assert.rejects(readAll('csv', content), (error: FileFault) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    if (line !== undefined) assert.equal(error.fault.line, line);
    return true;
  });

describe('The CSV reader', () => {
  it('returns any table as it was written, however its bytes are cut', async () => {
    // Lone line ends differ between writers; rows without any value are skipped.
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !/[\r\0]/.test(value));
    const row = fc.tuple(text, text, text).filter((cells) => cells.some((value) => value !== ''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        async (rows, cuts) => {
          const content = await writeToString([['a', 'b', 'c'], ...rows], { rowDelimiter: '\n' });
          const { records } = await readAll('csv', content, { cuts });
          assert.deepEqual(
            records.map(({ values }) => [0, 1, 2].map((index) => values[index] ?? '')),
            rows,
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('knows the line on which each row begins, behind quoted line ends and empty lines', async () => {
    const { records } = await readAll('csv', 'a,b\n1,"x\ny\nz"\n\n\n2,"p"\n3,q\n');
    assert.deepEqual(
      records.map(({ line, values }) => [line, values[0]]),
      [
        [2, '1'],
        [7, '2'],
        [8, '3'],
      ],
    );
  });

  it('takes LF, CRLF and CR, mixed too, and leaves none in a value', async () => {
    const { records } = await readAll('csv', 'a,b\r\n1,x\n2,y\r\n3,z\r4,"w"\r\n');
    assert.deepEqual(
      records.map(({ values }) => values.slice(0, 2)),
      [
        ['1', 'x'],
        ['2', 'y'],
        ['3', 'z'],
        ['4', 'w'],
      ],
    );
  });

  it('takes a byte order mark', async () => {
    assert.equal((await readAll('csv', '\ufeffa,b\n1,2\n')).records.length, 1);
  });

  it('takes a last line without an end, and warns of it', async () => {
    for (const end of ['1,2', '1,2\n3,4', '1,"2\n"']) {
      const { records, warnings } = await readAll('csv', `a,b\n${end}`);
      assert.ok(records.length > 0 && records.every(({ fault }) => fault === undefined), end);
      assert.deepEqual(warnings, ['OPEN_LAST_LINE'], end);
    }
  });

  it('has nothing to remark of other ends', async () => {
    for (const end of ['\n', '\r\n', '\r', '\n\n', '\n  ', '\n\x1a', '\r\n,\r\n']) {
      const { records, warnings } = await readAll('csv', `a,b\n1,2${end}`, { cuts: [7, 8] });
      assert.deepEqual([records.length, warnings], [1, []], end);
    }
  });

  it('takes a short last line that ends for a bad row, not for a file that was cut off', async () => {
    const { records } = await readAll('csv', 'a,b\n1,2\nTotal: 1\n');
    assert.deepEqual(
      records.map(({ fault }) => fault?.code),
      [undefined, 'COLUMN_COUNT'],
    );
  });

  it('skips rows without any value, as spreadsheets leave them', async () => {
    assert.equal((await readAll('csv', 'a,b,c\n1,2,3\n,,\n,,\n')).records.length, 1);
  });

  it('marks a row with another number of values than the header has, and goes on', async () => {
    const { records } = await readAll('csv', 'a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n1,2,3\n');
    assert.deepEqual(
      records.map((record) => record.fault?.code),
      ['COLUMN_COUNT', 'COLUMN_COUNT', undefined, undefined],
    );
    assert.match(records[0]?.fault?.message ?? '', /Line 2 has 2 values, but the header names 3 columns/);
  });

  it('names the columns that it does not know, and ignores those of its own reject reports', async () => {
    assert.deepEqual((await readAll('csv', 'a,weather,_line,_errors\n1,sun,7,bad\n')).unknown, ['weather']);
  });

  it('finds headers by mapping, name, spelling and alias', async () => {
    for (const header of ['id', 'ID', 'Order ID', 'order_id', 'ORDER-ID']) {
      assert.equal(
        (await readAll('csv', `${header},note\nA,x\n`, { schema: KINDS })).records[0]?.values[0],
        'A',
        header,
      );
    }
    const spec = { columns: [{ name: 'id', header: 'Beleg' }] };
    const mapped = await readAll('csv', 'Beleg,id\nA,B\n', { schema: KINDS, spec });
    assert.equal(mapped.records[0]?.values[0], 'A');
    assert.deepEqual(mapped.unknown, ['id'], 'a mapped column is found by its mapping alone');
  });

  describe('refuses, each with a code and what to do,', () => {
    it('quotes that are never closed, and it does not read on for long', () =>
      rejects(`a,b\n1,2\n3,"${'x,y\n'.repeat(600_000)}`, 'UNCLOSED_QUOTE', /line 3 .*never closed/, 3));
    it('quotes in the middle of a value', () =>
      rejects('a,b\n1,2\n3,x"y\n', 'INVALID_QUOTE', /line 3.*twice/, 3));
    it('a row of over a million characters', () =>
      rejects(`a,b\n1,${'x'.repeat(1_100_000)}\n`, 'RECORD_TOO_LARGE', /line 2/, 2));
    it('semicolons', () => rejects('a;b\n1;2\n', 'WRONG_DELIMITER', /semicolons.*CSV UTF-8/));
    it('tabs', () => rejects('a\tb\n1\t2\n', 'WRONG_DELIMITER', /tabs/));
    it('too many columns', () => rejects(`${'a,'.repeat(1_001)}\n`, 'TOO_MANY_COLUMNS', /1000 are accepted/));
    it('an empty file', () => rejects('', 'EMPTY_FILE', /empty/));
    it('a header alone', () => rejects('a,b\n', 'NO_ROWS', /no rows/));
    it('Latin-1', () =>
      rejects(Buffer.from('a,b\n1,caf\xe9\n', 'latin1'), 'INVALID_UTF8', /Line 2 .*0xE9.*UTF-8/, 2));
    it('a character that is cut off at the end', () =>
      rejects(Buffer.from('a,b\n1,€').subarray(0, -1), 'INVALID_UTF8', /middle of a character/));
    it('a last line that is cut off', async () => {
      await rejects('a,b,c\n1,2,3\n4,5', 'TRUNCATED_CSV', /middle of line 3: it has 2 of 3 values/, 3);
      await rejects('a,b\n1,2\n3', 'TRUNCATED_CSV', /wait until the export is complete/, 3);
    });
    it('UTF-16, with and without a byte order mark', async () => {
      await rejects(Buffer.from('\ufeffa,b\n', 'utf16le'), 'UTF16', /CSV UTF-8/);
      await rejects(Buffer.from('a,b\n1,2\n', 'utf16le'), 'UTF16', /CSV UTF-8/);
    });
    it('NUL bytes', () => rejects('a,b\n1,2\n3,\0\n', 'NUL_BYTE', /Line 3/, 3));
    it('two headers for one column', () =>
      rejects('a,A\n1,2\n', 'DUPLICATE_HEADER', /"a" and "A" both mean a/));
    it('a required column that is missing', () =>
      rejects('b,c\n1,2\n', 'MISSING_COLUMNS', /lacks a.*It has "b", "c"/));
    it('a first line that names no column', () =>
      rejects('1,2\n3,4\n', 'UNKNOWN_HEADER', /first line has to name the columns/));
  });
});
