import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileTransform } from '../../src/pipeline/transform/compile.ts';
import { compileDatePattern } from '../../src/schemas/date-pattern.ts';
import {
  type ColumnSpec,
  DEFAULT_TRANSFORMER,
  type TransformerSpec,
} from '../../src/schemas/transformer-spec.ts';
import { cell, KINDS, readAll, transformRow } from './support.ts';

const own = (entry: ColumnSpec, spec: Partial<TransformerSpec> = {}) => ({ ...spec, columns: [entry] });

function message(column: string, text: string, spec: Partial<TransformerSpec>): string {
  const result = transformRow({ [column]: text }, spec);
  return result.ok ? '' : (result.faults[0]?.message ?? '');
}

describe('An enablement says how a file writes', () => {
  describe('dates:', () => {
    const cases: [pattern: string, text: string, expected: string | string[]][] = [
      ['dd/MM/yyyy', '20/02/2026', '2026-02-20'],
      ['dd/MM/yyyy', '02/20/2026', ['INVALID_DATE']],
      ['dd/MM/yyyy', '2/2/2026', ['INVALID_DATE']],
      ['dd/MM/yyyy', '2026-02-20', ['INVALID_DATE']],
      ['d/M/yyyy', '2/2/2026', '2026-02-02'],
      ['M/d/yy', '2/29/24', '2024-02-29'],
      ['M/d/yy', '2/29/26', ['INVALID_DATE']],
      ['MM/dd/yyyy', '02/29/1900', ['INVALID_DATE']],
      ['yyyyMMdd', '20260220', '2026-02-20'],
      ['dd.MM.yyyy', '20.02.2026', '2026-02-20'],
      ['dd.MM.yyyy', '20-02-2026', ['INVALID_DATE']],
      ['d MMM yyyy', '20 feb 2026', '2026-02-20'],
      ['MMMM d, yyyy', 'February 20, 2026', '2026-02-20'],
      ['MMMM d, yyyy', 'Febr 20, 2026', ['INVALID_DATE']],
      ["yyyy-MM-dd'T'HH:mm:ssXXX", '2026-02-20T23:30:00-05:00', '2026-02-20'],
      ['M/d/yy h:mm a', '2/20/26 11:52 PM', '2026-02-20'],
      ['M/d/yy h:mm a', '2/20/26 13:52 PM', ['INVALID_DATE']],
      ['dd/MM/yyyy', '٢٠/٠٢/٢٠٢٦', ['INVALID_DATE']],
    ];
    for (const [pattern, text, expected] of cases)
      it(`${text} as ${pattern} is ${expected}`, () =>
        assert.deepEqual(cell('day', text, own({ name: 'day', format: pattern })), expected));

    it('and a message shows the pattern and an example in it', () =>
      assert.equal(
        message('day', '20.2.26', { dateFormat: 'MM/dd/yyyy' }),
        '"20.2.26" in day is not a date of the form MM/dd/yyyy. Write it like 02/20/2026.',
      ));

    it('every day that a pattern writes it reads back', () => {
      const patterns = ['dd/MM/yyyy', 'M/d/yy', 'yyyyMMdd', 'd MMM yyyy', 'MMMM d, yyyy', "d'th' M yyyy"];
      const days = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
      fc.assert(
        fc.property(fc.constantFrom(...patterns), days, (pattern, date) => {
          const [year = 0, month = 0, day = 0] = date.toISOString().slice(0, 10).split('-').map(Number);
          const clock = { hour: 0, minute: 0, second: 0, fraction: '', offset: undefined, zone: undefined };
          const text = compileDatePattern(pattern, 'date').write({ year, month, day, ...clock }, undefined);
          const read = cell('day', text, own({ name: 'day', format: pattern }));
          assert.equal(read, date.toISOString().slice(0, 10), text);
        }),
      );
    });
  });

  describe('points in time:', () => {
    const newYork = { timeZone: 'America/New_York' };
    const cases: [pattern: string, text: string, expected: string | string[]][] = [
      ['M/d/yy h:mm a', '2/20/26 5:17 PM', '2026-02-20T17:17:00-05:00'],
      ['M/d/yy h:mm a', '2/20/26 5:17\u202fPM', '2026-02-20T17:17:00-05:00'],
      ['M/d/yy h:mm a', '2/20/26 12:00 AM', '2026-02-20T00:00:00-05:00'],
      ['M/d/yy h:mm a', '2/20/26 12:00 p.m.', '2026-02-20T12:00:00-05:00'],
      ['M/d/yy h:mm a', '2/20/26 0:30 AM', ['INVALID_TIMESTAMP']],
      ['M/d/yy h:mm a', '2/20/26 5:17', ['INVALID_TIMESTAMP']],
      ['dd/MM/yyyy HH:mm:ss.SSS', '20/02/2026 18:30:15.250', '2026-02-20T18:30:15.250-05:00'],
      ['dd/MM/yyyy HH:mm', '20/02/2026 24:00', ['INVALID_TIMESTAMP']],
      ['yyyy-MM-dd HH:mm:ss XX', '2026-02-20 10:00:00 +0000', '2026-02-20T10:00:00+00:00'],
      ['yyyy-MM-dd HH:mm:ssX', '2026-02-20 10:00:00+99', ['INVALID_TIMESTAMP']],
      ['MM/dd/yyyy HH:mm', '03/08/2026 02:30', ['LOCAL_TIME_SKIPPED']],
      ['MM/dd/yyyy HH:mm', '11/01/2026 01:30', ['LOCAL_TIME_AMBIGUOUS']],
      ['MM/dd/yyyy HH:mm z', '11/01/2026 01:30 EDT', '2026-11-01T01:30:00-04:00'],
      ['MM/dd/yyyy HH:mm z', '11/01/2026 01:30 est', '2026-11-01T01:30:00-05:00'],
      ['MM/dd/yyyy HH:mm z', '07/01/2026 12:00 EST', ['OTHER_TIME_ZONE']],
      ['MM/dd/yyyy HH:mm z', '03/08/2026 02:30 EST', ['LOCAL_TIME_SKIPPED']],
    ];
    for (const [pattern, text, expected] of cases)
      it(`${text} as ${pattern} is ${expected}`, () =>
        assert.deepEqual(cell('begun', text, own({ name: 'begun', format: pattern }, newYork)), expected));

    it('by one pattern for all columns, and another for one', () => {
      const spec = own(
        { name: 'ended', format: 'yyyy/MM/dd HH:mm' },
        { ...newYork, timestampFormat: 'M/d/yy HH:mm' },
      );
      const result = transformRow({ begun: '2/20/26 10:00', ended: '2026/02/20 11:00' }, spec);
      assert.ok(result.ok);
      assert.deepEqual(result.values.slice(6, 8), ['2026-02-20T10:00:00-05:00', '2026-02-20T11:00:00-05:00']);
    });
  });

  describe('amounts:', () => {
    const comma: Partial<TransformerSpec> = { decimalSeparator: ',', thousandsSeparator: '.' };
    const dollars: Partial<TransformerSpec> = { thousandsSeparator: ',', currencySymbol: '$' };
    const accounts: Partial<TransformerSpec> = { ...dollars, parenthesesNegative: true };
    const cases: [what: string, spec: Partial<TransformerSpec>, text: string, expected: string | string[]][] =
      [
        ['a decimal comma', comma, '1.234.567,89', '1234567.89'],
        ['a decimal comma', comma, '1234567,89', '1234567.89'],
        ['a decimal comma', comma, '12.50', ['INVALID_NUMBER']],
        ['a decimal comma', comma, '1.23,45', ['INVALID_NUMBER']],
        ['dollars', dollars, '$1,250.00', '1250'],
        ['dollars', dollars, '-$50.00', '-50'],
        ['dollars', dollars, '$-50.00', '-50'],
        ['dollars', dollars, '$ 12', '12'],
        ['dollars', dollars, '12.50', '12.5'],
        ['dollars', dollars, '$$12', ['INVALID_NUMBER']],
        ['dollars', dollars, '€12', ['INVALID_NUMBER']],
        ['dollars', dollars, '--12', ['INVALID_NUMBER']],
        ['dollars', dollars, '$', ['INVALID_NUMBER']],
        ['dollars', dollars, '1,5', ['INVALID_NUMBER']],
        ['dollars', dollars, '1,2345', ['INVALID_NUMBER']],
        ['dollars', dollars, ',123', ['INVALID_NUMBER']],
        ['dollars', dollars, '(12.50)', ['INVALID_NUMBER']],
        ['dollars', dollars, '$1.00005', ['TOO_PRECISE']],
        ['an accountant’s', accounts, '($1,250.00)', '-1250'],
        ['an accountant’s', accounts, '$(12.50)', '-12.5'],
        ['an accountant’s', accounts, '(-12.50)', ['INVALID_NUMBER']],
        ['an accountant’s', accounts, '(12.50', ['INVALID_NUMBER']],
        ['a code behind', { currencySymbol: 'EUR' }, '12.50 EUR', '12.5'],
        [
          'spaces between',
          { thousandsSeparator: ' ', decimalSeparator: ',' },
          '1\u202f234\u00a0567,5',
          '1234567.5',
        ],
        ['apostrophes between', { thousandsSeparator: "'" }, "1'234.50", '1234.5'],
        ['nothing said', {}, '$5', ['INVALID_NUMBER']],
        ['nothing said', {}, '(5)', ['INVALID_NUMBER']],
        ['nothing said', {}, '1,234.50', ['INVALID_NUMBER']],
      ];
    for (const [what, spec, text, expected] of cases)
      it(`${text} with ${what} is ${expected}`, () => assert.deepEqual(cell('money', text, spec), expected));

    it('whole numbers with separators too', () => {
      assert.equal(cell('count', '1,234', dollars), '1234');
      assert.deepEqual(cell('count', '$1', dollars), ['INVALID_INTEGER']);
    });

    it('every amount is exact, whichever way it is written', () => {
      const digits = fc.tuple(fc.bigInt(0n, 999_999_999_999_999n), fc.nat(9_999), fc.boolean());
      fc.assert(
        fc.property(digits, fc.boolean(), ([whole, fraction, negative], wrapped) => {
          const decimals = String(fraction).padStart(4, '0');
          const grouped = String(whole).replace(/\B(?=(\d{3})+$)/g, ',');
          const text = !negative
            ? `$${grouped}.${decimals}`
            : wrapped
              ? `($${grouped}.${decimals})`
              : `-$${grouped}.${decimals}`;
          const expected = cell('money', `${negative ? '-' : ''}${whole}.${decimals}`);
          assert.equal(cell('money', text, accounts), expected);
        }),
      );
    });
  });

  describe('lists and codes:', () => {
    const entry = { name: 'size', values: { S: 'small', 'XL plus': 'very_large', 'n/a': '' } };
    it('by what the file writes, without regard to case or spaces around it', () => {
      assert.equal(cell('size', ' s ', own(entry)), 'small');
      assert.equal(cell('size', 'xl PLUS', own(entry)), 'very_large');
    });
    it('and still by the words of the schema type', () =>
      assert.equal(cell('size', 'Very large', own(entry)), 'very_large'));
    it('and takes what means nothing for no value, or for the default', () => {
      assert.equal(cell('size', 'N/A', own(entry)), null);
      assert.equal(cell('size', 'N/A', own({ ...entry, default: 'small' })), 'small');
    });
    it('and names both when it is something else', () =>
      assert.equal(
        message('size', 'huge', own(entry)),
        '"huge" in size is not one of S, XL plus, n/a, small, very_large.',
      ));
    it('for flags, zones and texts too', () => {
      assert.equal(cell('paid', 'Bezahlt', own({ name: 'paid', values: { bezahlt: 'true' } })), 'true');
      assert.equal(cell('note', 'x', own({ name: 'note', values: { x: 'express' } })), 'express');
      const zones = { name: 'zone', values: { 'Eastern Time (US & Canada)': 'America/New_York' } };
      assert.equal(
        cell('begun', '2026-07-01 12:00', own(zones), { zone: 'Eastern Time (US & Canada)' }),
        '2026-07-01T12:00:00-04:00',
      );
    });
    it('a currency for rows without one', () => {
      assert.equal(cell('currency', '', { currency: 'CHF' }), 'CHF');
      assert.equal(cell('currency', 'usd', { currency: 'CHF' }), 'USD');
    });
  });

  describe('one value in several columns:', () => {
    const spec: Partial<TransformerSpec> = {
      timeZone: 'Europe/Berlin',
      columns: [
        { name: 'id', headers: ['Person', 'Date'], separator: '/' },
        { name: 'day', header: 'Date', format: 'dd/MM/yyyy' },
        { name: 'begun', headers: ['Date', 'In'], format: 'dd/MM/yyyy HH:mm' },
        { name: 'ended', headers: ['Date', 'Out'], format: 'dd/MM/yyyy HH:mm', nextDay: true },
      ],
    };
    const rowsOf = async (format: 'csv' | 'json', content: string) => {
      const { records } = await readAll(format, content, { schema: KINDS, spec });
      const transform = compileTransform(KINDS, { ...DEFAULT_TRANSFORMER, ...spec });
      return records.map((record) => {
        const result = transform(record);
        return result.ok
          ? [0, 5, 6, 7].map((index) => result.values[index])
          : result.faults.map(({ code }) => code);
      });
    };

    it('are put together, shared, and moved to the next day', async () => {
      const csv =
        'Person,Date,In,Out\nA,31/12/2026,22:00,06:15\nB,20/02/2026,09:00,\nC,20/02/2026,09:00,09:00\n';
      const expected = [
        ['A/31/12/2026', '2026-12-31', '2026-12-31T22:00:00+01:00', '2027-01-01T06:15:00+01:00'],
        ['B/20/02/2026', '2026-02-20', '2026-02-20T09:00:00+01:00', null],
        ['C/20/02/2026', '2026-02-20', '2026-02-20T09:00:00+01:00', '2026-02-20T09:00:00+01:00'],
      ];
      assert.deepEqual(await rowsOf('csv', csv), expected);
      const json = [
        { Person: 'A', Date: '31/12/2026', In: '22:00', Out: '06:15' },
        { Person: 'B', Date: '20/02/2026', In: '09:00', Out: null },
        { Person: 'C', Date: '20/02/2026', In: '09:00', Out: '09:00' },
      ];
      assert.deepEqual(await rowsOf('json', JSON.stringify(json)), expected);
    });

    it('are missed by their headers', async () => {
      await assert.rejects(
        readAll('csv', 'Date,In\n1,2\n', { schema: KINDS, spec }),
        /lacks "Person" and "Date" \(for id\)/,
      );
    });

    it('are quoted in the reject report of a JSON file under their own keys', async () => {
      const { headers } = await readAll('json', '[{"Person":"A","Date":"x","In":"y"}]', {
        schema: KINDS,
        spec,
      });
      for (const header of ['Person', 'Date', 'In', 'Out']) assert.ok(headers.includes(header), header);
    });
  });
});
