import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { migrateAll } from '../../src/commands/migrate-all.ts';
import { Refusal } from '../../src/intake/refusal.ts';
import type { Catalogue } from '../../src/schemas/catalogue.ts';
import { emptyDatabase } from '../support/database.ts';
import { startTestPipeline, type TestPipeline } from '../support/pipeline.ts';
import type { Tenant } from '../support/tenants.ts';
import { KINDS } from './support.ts';

/** What a file ends in: the rows in PostgreSQL, or the first reason why there are none or fewer. */
interface Outcome {
  readonly rows: readonly (string | null)[][];
  readonly fault?:
    | { readonly line: number | null; readonly code: string; readonly message: string }
    | undefined;
}

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('Exactness, from a file to PostgreSQL', function () {
  this.timeout(60_000);
  let pipeline: TestPipeline;
  let tenant: Tenant;
  let sent = 0;

  before(async () => {
    const database = await emptyDatabase();
    const catalogue: Catalogue = { types: [KINDS], get: (name) => (name === KINDS.name ? KINDS : undefined) };
    const { url } = database;
    await migrateAll({ databaseUrl: url, analyticsDatabaseUrl: url, catalogue });
    pipeline = await startTestPipeline({ database, catalogue });
  });
  after(() => pipeline.close());
  beforeEach(async () => {
    tenant = await pipeline.tenant(['kinds'], { timeZone: 'America/New_York' });
  });

  async function outcome(
    content: string | Uint8Array,
    columns: readonly string[],
    format = 'csv',
  ): Promise<Outcome> {
    try {
      const fileName = `${++sent}.${format}`;
      const upload = await pipeline.send({ tenant, schemaType: 'kinds', fileName, content });
      assert.equal(upload.retryable, false, 'no fault of a file is taken for one of ours');
      return { rows: await pipeline.rows(tenant, 'kinds', columns), fault: upload.errors[0] };
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      const { code, message } = error;
      return { rows: [], fault: { line: null, code, message } };
    }
  }

  describe('keeps', () => {
    const csv: [
      what: string,
      column: string,
      cells: readonly string[],
      stored: readonly (string | null)[],
    ][] = [
      [
        'money to the last of four decimals',
        'money',
        ['0.1', '0.2', '999999999999999.9999', '-0.0001', '1e3'],
        ['0.1000', '0.2000', '999999999999999.9999', '-0.0001', '1000.0000'],
      ],
      [
        'whole numbers that no float holds',
        'count',
        ['9007199254740993', '9223372036854775807'],
        ['9007199254740993', '9223372036854775807'],
      ],
      [
        'leading zeros, signs and 20 digits of text',
        'note',
        ['007', '+49', '12345678901234567890', '1E5', '0x10'],
        ['007', '+49', '12345678901234567890', '1E5', '0x10'],
      ],
      [
        'spaces, quotes, backslashes and what COPY would read',
        'note',
        [' x ', '"a ""b"" c"', '\\N', '\\.', 'a\\tb', '"tab\there"'],
        [' x ', 'a "b" c', '\\N', '\\.', 'a\\tb', 'tab\there'],
      ],
      [
        'line breaks within quotes, each as it is',
        'note',
        ['"a\nb"', '"a\r\nb"', '"a\rb"'],
        ['a\nb', 'a\r\nb', 'a\rb'],
      ],
      [
        'characters beyond the first plane, combining ones and the no-break space',
        'note',
        ['😀👩‍👩‍👧', 'e\u0301', 'a\u00a0b', '\u200b'],
        ['😀👩‍👩‍👧', 'e\u0301', 'a\u00a0b', '\u200b'],
      ],
      ['leap days', 'day', ['2024-02-29', '2000-02-29'], ['2024-02-29', '2000-02-29']],
      [
        'microseconds, and local times on both sides of a change of clocks',
        'begun',
        ['2026-03-08 01:59:59.999999', '2026-03-08 03:00', '2026-11-01 00:59', '2026-11-01 02:00'],
        [
          '2026-03-08 06:59:59.999999+00',
          '2026-03-08 07:00:00+00',
          '2026-11-01 04:59:00+00',
          '2026-11-01 07:00:00+00',
        ],
      ],
      [
        'numbers within JSON texts',
        'extra',
        ['"{""a"": 0.10, ""b"": 12345678901234567890.123456789}"'],
        ['{"a": 0.10, "b": 12345678901234567890.123456789}'],
      ],
    ];
    for (const [what, column, cells, stored] of csv) {
      it(what, async () => {
        const content = `id,${column}\n${cells.map((cell, index) => `A${index},${cell}\n`).join('')}`;
        const { rows, fault } = await outcome(content, [column]);
        assert.equal(fault, undefined, fault?.message);
        assert.deepEqual(rows.flat(), stored);
      });
    }

    const same: [what: string, content: string | Uint8Array][] = [
      ['CRLF', 'id,note\r\nA,x\r\nB,"y\r\nz"\r\n'],
      ['lone CR', 'id,note\rA,x\rB,"y\r\nz"\r'],
      ['LF', 'id,note\nA,x\nB,"y\r\nz"\n'],
      ['all three', 'id,note\r\nA,x\rB,"y\r\nz"\n'],
      ['a byte order mark', '\ufeffid,note\nA,x\nB,"y\r\nz"\n'],
      ['a Ctrl-Z at its end', 'id,note\nA,x\nB,"y\r\nz"\n\x1a'],
    ];
    for (const [what, content] of same) {
      it(`the rows of a file with ${what}`, async () => {
        const { rows, fault } = await outcome(content, ['id', 'note']);
        assert.equal(fault, undefined, fault?.message);
        assert.deepEqual(rows, [
          ['A', 'x'],
          ['B', 'y\r\nz'],
        ]);
      });
    }

    it('numbers of JSON as they are written, and escapes as what they mean', async () => {
      const content =
        '[{"id":12345678901234567890,"money":10.10,"count":1e3,"note":"\\u0041\\ud83d\\ude00\\\\u0000","extra":{"n":1.50,"s":"\\\\u0000"}}]';
      const { rows, fault } = await outcome(content, ['id', 'money', 'note', 'extra'], 'json');
      assert.equal(fault?.code, 'INVALID_INTEGER', '1e3 is no whole number as people write them');
      assert.deepEqual(rows, []);
      const again = await outcome(
        content.replace('1e3', '1000'),
        ['id', 'money', 'count', 'note', 'extra'],
        'json',
      );
      assert.deepEqual(again.rows, [
        ['12345678901234567890', '10.1000', '1000', 'A😀\\u0000', '{"n": 1.50, "s": "\\\\u0000"}'],
      ]);
    });
  });

  describe('refuses, and says what was found and what to do:', () => {
    const files: [
      what: string,
      content: string | Uint8Array,
      code: string,
      message: RegExp,
      format?: 'json',
    ][] = [
      ['UTF-16', utf16('id,note\nA,x\n'), 'UTF16', /UTF-16 \("Unicode text"\)\. Export it as "CSV UTF-8"/],
      [
        'UTF-16 without a mark',
        Buffer.from('id,note\nA,x\n', 'utf16le'),
        'UTF16',
        /Export it as "CSV UTF-8"/,
      ],
      ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x69, 0, 0, 0]), 'UTF32', /UTF-32\. Choose UTF-8/],
      [
        'Windows-1252',
        Buffer.from('id,note\nA,caf\xe9\n', 'latin1'),
        'INVALID_UTF8',
        /Line 2 has a byte \(0xE9\).*Export the file as UTF-8/,
      ],
      [
        'an Excel workbook',
        Buffer.from('PK\x03\x04\x14\0\x06\0'),
        'NOT_TEXT',
        /Excel workbook.*save it as "CSV UTF-8/,
      ],
      ['an old Excel workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), 'NOT_TEXT', /\.xls/],
      ['a PDF', '%PDF-1.7\n', 'NOT_TEXT', /PDF.*Export the data as CSV or JSON/],
      ['a compressed file', gzipSync('id\nA\n'), 'NOT_TEXT', /gzip.*Unpack it/],
      ['a NUL', 'id,note\nA,x\0\n', 'NUL_BYTE', /Line 2 has a NUL byte.*export it again/],
      [
        'semicolons',
        'id;note\nA;x\n',
        'WRONG_DELIMITER',
        /separated by semicolons\..*"CSV UTF-8 \(comma delimited\)"/,
      ],
      ['tabs', 'id\tnote\nA\tx\n', 'WRONG_DELIMITER', /separated by tabs\..*Export the file with commas/],
      ['bars', 'id|note\nA|x\n', 'WRONG_DELIMITER', /separated by vertical bars/],
      [
        'one header twice',
        'id,note,note\nA,x,y\n',
        'DUPLICATE_HEADER',
        /"note" and "note" both mean note\. Remove one/,
      ],
      [
        'two headers for one column',
        'id,Order ID\nA,x\n',
        'DUPLICATE_HEADER',
        /"id" and "Order ID" both mean id/,
      ],
      [
        'rows without a header',
        'A,x\nB,y\n',
        'UNKNOWN_HEADER',
        /first line has to name the columns\. It is "A", "x"/,
      ],
      [
        'a quote that is never closed',
        'id,note\nA,"x\nB,y\n',
        'UNCLOSED_QUOTE',
        /line 2 has a quote \("\) that is never closed/,
      ],
      [
        'a quote within a value',
        'id,note\nA,5" pipe\n',
        'INVALID_QUOTE',
        /line 2.*write each quote within it twice/,
      ],
      [
        'a row of over a million characters',
        `id,note\nA,${'x'.repeat(1_100_000)}\n`,
        'RECORD_TOO_LARGE',
        /line 2 has more than 1048576 characters/,
      ],
      [
        'more than a thousand columns',
        `id,${'n,'.repeat(1_000)}n\n`,
        'TOO_MANY_COLUMNS',
        /1002 columns; 1000 are accepted/,
      ],
      [
        'a file that ends within a row',
        'id,note,size\nA,x,small\nB,y',
        'TRUNCATED_CSV',
        /middle of line 3.*cut off/,
      ],
      ['no bytes', '', 'EMPTY_FILE', /empty/],
      ['a header alone', 'id,note\n', 'NO_ROWS', /no rows/],
      [
        'JSON that is cut off',
        '[{"id":"A"},{"id"',
        'TRUNCATED_JSON',
        /after 1 complete records.*cut off/,
        'json',
      ],
      ['JSON that is none', '[{"id":A}]', 'INVALID_JSON', /near record 1/, 'json'],
      [
        'JSON nested without end',
        `[{"id":"A","extra":${nested(200)}}]`,
        'NESTING_TOO_DEEP',
        /deeper than 32 levels/,
        'json',
      ],
      [
        'a JSON key without end',
        `[{"${'k'.repeat(1_100_000)}":1}]`,
        'RECORD_TOO_LARGE',
        /Record 1 has more than 1048576 characters/,
        'json',
      ],
      [
        'a JSON record without end',
        `[{"id":"A","extra":{"a":["${'x'.repeat(600_000)}","${'x'.repeat(600_000)}"]}}]`,
        'RECORD_TOO_LARGE',
        /Record 1/,
        'json',
      ],
      ['data after the JSON', '[{"id":"A"}]\n[{"id":"B"}]', 'TRAILING_DATA', /one array/, 'json'],
      [
        'one JSON value a line',
        '{"id":"A"}\n{"id":"B"}\n',
        'TRAILING_DATA',
        /more after the end.*one array/,
        'json',
      ],
      ['JSON in UTF-16', utf16('[{"id":"A"}]'), 'UTF16', /UTF-8/, 'json'],
    ];
    for (const [what, content, code, message, format] of files) {
      it(what, async () => {
        const { rows, fault } = await outcome(content, ['id'], format);
        assert.equal(fault?.code, code, fault?.message);
        assert.match(fault?.message ?? '', message);
        assert.deepEqual(rows, []);
      });
    }
  });

  describe('rejects the row alone, and says what was found and what to do:', () => {
    const rows: [what: string, columns: string, row: string, code: string, message: RegExp][] = [
      [
        'too many decimals',
        'id,money',
        'X,1.00005',
        'TOO_PRECISE',
        /5 digits after the decimal point; 4 are kept\. Round it first/,
      ],
      ['too many digits', 'id,money', 'X,1234567890123456', 'OUT_OF_RANGE', /15 digits before the decimal/],
      [
        'a number with a thousands separator',
        'id,money',
        'X,"1,234.50"',
        'INVALID_NUMBER',
        /without thousands separators or currency signs, like 12\.50/,
      ],
      [
        'a whole number beyond PostgreSQL’s',
        'id,count',
        'X,9223372036854775808',
        'OUT_OF_RANGE',
        /too large/,
      ],
      [
        '29 February of another year',
        'id,day',
        'X,2026-02-29',
        'INVALID_DATE',
        /not a date\. Write year, month and day, like 2026-02-20/,
      ],
      [
        'a time that the clocks skip',
        'id,begun',
        'X,2026-03-08 02:30',
        'LOCAL_TIME_SKIPPED',
        /does not exist in America\/New_York.*Write the offset, like/,
      ],
      [
        'a time that comes twice',
        'id,begun',
        'X,2026-11-01 01:30',
        'LOCAL_TIME_AMBIGUOUS',
        /happens twice in America\/New_York.*like/,
      ],
      [
        'an end before its beginning',
        'id,begun,ended',
        'X,2026-02-20 10:00,2026-02-20 09:00',
        'ORDER',
        /ended \(2026-02-20 09:00\) lies before begun \(2026-02-20 10:00\)/,
      ],
      [
        'a value too few',
        'id,note,size',
        'X,x',
        'COLUMN_COUNT',
        /Line 3 has 2 values, but the header names 3 columns.*missing or extra comma/,
      ],
      [
        'a value too many',
        'id,note',
        'X,1,234',
        'COLUMN_COUNT',
        /a value that contains a comma needs quotes/,
      ],
      ['no key', 'id,note', ',x', 'REQUIRED', /id is empty\. Every row needs it, like A-1/],
      [
        'an id that a spreadsheet shortened',
        'id,note',
        '1.23457E+19,x',
        'SPREADSHEET_NUMBER',
        /shortened by a spreadsheet.*without opening it/,
      ],
      [
        'text that is too long',
        'id,note',
        `${'X'.repeat(21)},x`,
        'TOO_LONG',
        /21 characters; 20 are accepted/,
      ],
      [
        'JSON text that is none',
        'id,extra',
        'X,{a}',
        'INVALID_JSON_VALUE',
        /is not JSON\. Write a JSON object like/,
      ],
      [
        'a JSON number that PostgreSQL cannot hold',
        'id,extra',
        `X,"{""a"":${'9'.repeat(140_000)}}"`,
        'INVALID_JSON_VALUE',
        /more than 1000 digits/,
      ],
    ];
    for (const [what, columns, row, code, message] of rows) {
      it(what, async () => {
        const width = columns.split(',').length;
        const good = ['GOOD', ...Array.from({ length: width - 1 }, () => '')].join(',');
        // The row in the middle of others: they are loaded, and it is not.
        const content = `${columns}\n${good}\n${row}\n${good.replace('GOOD', 'LAST')}\n`;
        const { rows: stored, fault } = await outcome(content, ['id']);
        assert.deepEqual([fault?.code, fault?.line], [code, 3], fault?.message);
        assert.match(fault?.message ?? '', message);
        assert.deepEqual(stored.flat(), ['GOOD', 'LAST']);
      });
    }

    const records: [what: string, record: string, code: string][] = [
      ['a NUL by escape', '{"id":"X","note":"a\\u0000b"}', 'NUL_CHARACTER'],
      ['half a character by escape', '{"id":"X","note":"a\\ud800b"}', 'BROKEN_CHARACTER'],
      ['half a character in an object', '{"id":"X","extra":{"a":"\\udc00"}}', 'INVALID_JSON_VALUE'],
      ['a NUL in an object', '{"id":"X","extra":{"a\\u0000":1}}', 'INVALID_JSON_VALUE'],
      ['a number in an object beyond PostgreSQL’s', '{"id":"X","extra":{"a":1e99999}}', 'INVALID_JSON_VALUE'],
      [
        'NUL and half a character in a value and in an unknown key',
        '{"id":"X","money":"1\\u0000\\ud800","\\u0000\\udc00":1}',
        'INVALID_NUMBER',
      ],
      ['one key twice', '{"id":"X","id":"Y"}', 'DUPLICATE_KEY'],
      ['two keys for one column', '{"id":"X","Order ID":"Y"}', 'DUPLICATE_KEY'],
      ['a list where an object belongs', '{"id":"X","extra":[1]}', 'INVALID_JSON_VALUE'],
      ['a record that is none', '["X"]', 'NOT_AN_OBJECT'],
      ['a fraction where a whole number belongs', '{"id":"X","count":1.5}', 'INVALID_INTEGER'],
    ];
    for (const [what, record, code] of records) {
      it(`in JSON: ${what}`, async () => {
        const { rows: stored, fault } = await outcome(
          `[{"id":"GOOD"},${record},{"id":"LAST"}]`,
          ['id'],
          'json',
        );
        assert.deepEqual([fault?.code, fault?.line], [code, 2], fault?.message);
        assert.deepEqual(stored.flat(), ['GOOD', 'LAST']);
      });
    }
  });
});
