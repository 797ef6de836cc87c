import assert from 'node:assert/strict';
import { parseSchemaFile } from '../../src/schemas/schema-file.ts';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { validateTransformer } from '../../src/schemas/validate-transformer.ts';

const SHIFTS = parseSchemaFile(
  'work.yaml',
  `name: work
title: Work
description: Work.
fields:
  - { name: id, type: string, description: d, example: S-1, constraints: { required: true } }
  - { name: state, type: string, description: d, example: open, constraints: { enum: [open, closed] } }
  - { name: day, type: date, description: d, example: "2026-02-20" }
  - { name: begun, type: datetime, description: d, example: "2026-02-20T10:00:00Z" }
  - { name: ended, type: datetime, description: d, example: "2026-02-20T11:00:00Z" }
  - { name: rest, type: integer, description: d, example: "30", piing: { unit: minutes } }
  - { name: pay, type: number, description: d, example: "12.50" }
  - { name: currency, type: string, description: d, example: EUR, piing: { format: currency } }
  - { name: deleted, type: boolean, description: d, example: "false" }
primaryKey: [id]
piing:
  table: work
  rules: [{ column: ended, notBefore: begun }]
`,
);

const problems = (spec: Partial<TransformerSpec>) =>
  validateTransformer(SHIFTS, { ...DEFAULT_TRANSFORMER, ...spec });

describe('A transformer', () => {
  it('that fits has no problems', () => {
    const spec: Partial<TransformerSpec> = {
      columns: [
        { name: 'id', headers: ['Code', 'Date', 'Start'], separator: '/' },
        { name: 'day', header: 'Date', format: 'dd/MM/yyyy' },
        { name: 'begun', headers: ['Date', 'Start'], format: "d MMM yyyy 'at' h:mm a" },
        { name: 'ended', headers: ['Date', 'End'], format: 'dd/MM/yyyy HH:mm:ss', nextDay: true },
        { name: 'rest', format: 'duration' },
        { name: 'state', values: { Done: 'closed', Running: 'open', 'n/a': '' }, default: 'open' },
        { name: 'deleted', constant: 'false' },
      ],
      onlyRows: { header: 'Kind', values: ['Work'] },
      timeZone: 'Europe/Berlin',
      dateFormat: 'dd.MM.yyyy',
      timestampFormat: 'dd.MM.yyyy HH:mm',
      decimalSeparator: ',',
      thousandsSeparator: '.',
      currencySymbol: '€',
      parenthesesNegative: true,
      currency: 'EUR',
      maxRowErrors: 0,
    };
    assert.deepEqual(problems(spec), []);
  });

  describe('that does not fit is told by its path:', () => {
    const cases: [string, Partial<TransformerSpec>, RegExp][] = [
      [
        'an unknown column',
        { columns: [{ name: 'price', header: 'P' }] },
        /^columns\[0\]\.name: work has no column price\. It has id, state/,
      ],
      [
        'a column twice',
        { columns: [{ name: 'id' }, { name: 'id' }] },
        /^columns\[1\]\.name: id is configured twice/,
      ],
      [
        'a constant with a header',
        { columns: [{ name: 'id', header: 'x', constant: 'y' }] },
        /^columns\[0\]: a constant leaves no room for header\./,
      ],
      [
        'header and headers',
        { columns: [{ name: 'id', header: 'x', headers: ['y', 'z'] }] },
        /^columns\[0\]\.headers: there is a header too/,
      ],
      [
        'a header twice in one column',
        { columns: [{ name: 'id', headers: ['x', 'x '] }] },
        /^columns\[0\]\.headers: "x" is there twice/,
      ],
      [
        'a separator of nothing',
        { columns: [{ name: 'id', header: 'x', separator: '/' }] },
        /^columns\[0\]\.separator: .*there are none/,
      ],
      [
        'a pattern with unknown letters',
        { columns: [{ name: 'day', format: 'DD/MM/YYYY' }] },
        /^columns\[0\]\.format: DD means nothing in a date pattern\. Write dd/,
      ],
      [
        'a pattern with a word',
        { columns: [{ name: 'begun', format: 'yyyy-MM-ddTHH:mm' }] },
        /^columns\[0\]\.format: T means nothing.*quotes \('T'\)/,
      ],
      [
        'a pattern without a time',
        { columns: [{ name: 'begun', format: 'yyyy-MM-dd' }] },
        /^columns\[0\]\.format: It lacks the hour, the minute/,
      ],
      [
        'a pattern with a part twice',
        { dateFormat: 'yyyy-MM-dd MM' },
        /^dateFormat: The month is there twice/,
      ],
      [
        'a pattern that could be cut in two ways',
        { dateFormat: 'yyyyMd' },
        /^dateFormat: Between the month and the day a separator is needed/,
      ],
      ['half a clock', { timestampFormat: 'yyyy-MM-dd h:mm' }, /^timestampFormat: h needs a \(AM or PM\)/],
      ['a whole clock with AM', { timestampFormat: 'yyyy-MM-dd HH:mm a' }, /^timestampFormat: a goes with h/],
      [
        'a quote that is left open',
        { dateFormat: "yyyy-MM-dd'T" },
        /^dateFormat: A quote .* is never closed/,
      ],
      [
        'a format of a text',
        { columns: [{ name: 'id', format: 'dd/MM/yyyy' }] },
        /^columns\[0\]\.format: id holds a string, which has no formats/,
      ],
      [
        'a format of minutes that is none',
        { columns: [{ name: 'rest', format: 'seconds' }] },
        /^columns\[0\]\.format: "seconds" is no format of minutes\. Write hours/,
      ],
      [
        'a next day without a day before',
        { columns: [{ name: 'begun', nextDay: true }] },
        /^columns\[0\]\.nextDay: work has no rule that begun follows/,
      ],
      [
        'a meaning that is not in the list',
        { columns: [{ name: 'state', values: { Done: 'finished' } }] },
        /^columns\[0\]\.values\["Done"\]: "finished" is not one of open, closed/,
      ],
      [
        'values that differ in case alone',
        { columns: [{ name: 'state', values: { Done: 'closed', DONE: 'open' } }] },
        /^columns\[0\]\.values: "Done" and "DONE" are the same/,
      ],
      [
        'values of a timestamp',
        { columns: [{ name: 'begun', values: { now: '' } }] },
        /^columns\[0\]\.values: a datetime column takes no list/,
      ],
      [
        'a constant that is no value',
        { columns: [{ name: 'currency', constant: 'EURO' }] },
        /^columns\[0\]\.constant: "EURO" is not a currency of ISO 4217/,
      ],
      [
        'a default in the form of the file',
        { columns: [{ name: 'pay', default: '0,00' }], decimalSeparator: ',' },
        /^columns\[0\]\.default: "0,00" is not a number with at most 4 decimals\. Write it like 12\.50/,
      ],
      [
        'a default that is no day',
        { columns: [{ name: 'day', default: '2026-02-29' }] },
        /^columns\[0\]\.default: "2026-02-29" is not a date/,
      ],
      ['a time zone that is none', { timeZone: 'Paris' }, /^timeZone: Paris is not an IANA time zone/],
      [
        'one sign for both separators',
        { thousandsSeparator: '.' },
        /^thousandsSeparator: \. already is the decimal separator/,
      ],
      [
        'a symbol with a digit',
        { currencySymbol: 'U$1' },
        /^currencySymbol: "U\$1" has a character that belongs to numbers/,
      ],
      ['a currency that is none', { currency: 'XXY' }, /^currency: XXY is not a currency/],
      [
        'a tolerance where none counts',
        { onRowError: 'fail', maxRowErrors: 3 },
        /^maxRowErrors: it counts only with onRowError: skip/,
      ],
    ];
    for (const [what, spec, message] of cases) {
      it(what, () => {
        const found = problems(spec);
        assert.equal(found.length, 1, found.join('\n'));
        assert.match(found[0] ?? '', message);
      });
    }

    it('all of them at once', () =>
      assert.equal(problems({ columns: [{ name: 'x' }], timeZone: 'y', currency: 'ABC' }).length, 3));
  });
});
