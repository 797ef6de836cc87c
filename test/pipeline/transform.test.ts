import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cell, KINDS, transformRow } from './support.ts';

function message(column: string, text: string, spec = {}): string {
  const result = transformRow({ [column]: text }, spec);
  return result.ok ? '' : (result.faults[0]?.message ?? '');
}

describe('The transformer', () => {
  describe('keeps text as it is', () => {
    it('spaces, leading zeros and signs included', () => {
      for (const text of [' x ', '007', '-', '=1+1', 'é€😀', 'line\nbreak'])
        assert.equal(cell('note', text), text);
    });
    it('but takes spaces alone for nothing', () => assert.equal(cell('note', '   '), null));
    it('and refuses what is too long, or has a NUL', () => {
      assert.deepEqual(cell('id', 'x'.repeat(21)), ['TOO_LONG']);
      assert.deepEqual(cell('note', 'a\0b'), ['NUL_CHARACTER']);
    });
  });

  describe('reads amounts without a float', () => {
    it('so that every decimal of the column comes out as it went in', () => {
      const parts = fc.tuple(fc.bigInt(0n, 999_999_999_999_999n), fc.bigInt(0n, 9_999n), fc.boolean());
      fc.assert(
        fc.property(parts, ([whole, fraction, negative]) => {
          const text = `${negative ? '-' : ''}${whole}.${String(fraction).padStart(4, '0')}`;
          const result = cell('money', text);
          assert.ok(typeof result === 'string');
          const units = (value: string) => {
            const [integer = '0', decimals = ''] = value.replace('-', '').split('.');
            return BigInt(integer) * 10_000n + BigInt(decimals.padEnd(4, '0'));
          };
          assert.equal(units(result), whole * 10_000n + fraction);
          assert.equal(result.startsWith('-'), negative);
        }),
      );
    });
    for (const [text, value] of [
      ['12.50', '12.5'],
      ['+3', '3'],
      ['.5', '0.5'],
      ['5.', '5'],
      ['00012.10', '12.1'],
      [' 7 ', '7'],
      ['1.00000000', '1'],
      ['1.5e3', '1500'],
      ['15E-1', '1.5'],
      ['0', '0'],
    ] as const) {
      it(`${text} is ${value}`, () => assert.equal(cell('money', text), value));
    }
    for (const [text, code] of [
      ['1.00005', 'TOO_PRECISE'],
      ['1,234.50', 'INVALID_NUMBER'],
      ['12,50', 'INVALID_NUMBER'],
      ['$5', 'INVALID_NUMBER'],
      ['abc', 'INVALID_NUMBER'],
      ['.', 'INVALID_NUMBER'],
      ['1e999', 'INVALID_NUMBER'],
      ['NaN', 'INVALID_NUMBER'],
      ['Infinity', 'INVALID_NUMBER'],
      ['0x10', 'INVALID_NUMBER'],
      ['1234567890123456', 'OUT_OF_RANGE'],
      ['1e30', 'OUT_OF_RANGE'],
      ['1e-9', 'TOO_PRECISE'],
    ] as const) {
      it(`${text} is ${code}`, () => assert.deepEqual(cell('money', text), [code]));
    }
    it('with a decimal comma where the enablement says so', () => {
      assert.equal(cell('money', '1234,50', { decimalSeparator: ',' }), '1234.5');
      assert.deepEqual(cell('money', '1234.50', { decimalSeparator: ',' }), ['INVALID_NUMBER']);
    });
    it('and says how to write them', () => {
      const expected =
        '"12,50" in money is not a number. Write it with a decimal point, without thousands separators or currency signs, like 12.50.';
      assert.equal(message('money', '12,50'), expected);
    });
  });

  describe('reads whole numbers', () => {
    for (const [text, value] of [
      ['2', '2'],
      ['+2', '2'],
      ['2.0', '2'],
      ['9223372036854775807', '9223372036854775807'],
    ] as const) {
      it(`${text} is ${value}`, () => assert.equal(cell('count', text), value));
    }
    for (const [text, code] of [
      ['2.5', 'INVALID_INTEGER'],
      ['two', 'INVALID_INTEGER'],
      ['-1', 'OUT_OF_RANGE'],
      ['9223372036854775808', 'OUT_OF_RANGE'],
      ['99999999999999999999', 'INVALID_INTEGER'],
    ] as const) {
      it(`${text} is ${code}`, () => assert.deepEqual(cell('count', text), [code]));
    }
  });

  describe('reads dates', () => {
    for (const text of ['2026-02-28', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31']) {
      it(`${text} is one`, () => assert.equal(cell('day', text), text));
    }
    for (const text of [
      '2026-02-29',
      '1900-02-29',
      '2026-13-01',
      '2026-00-10',
      '2026-04-31',
      '20.02.2026',
      '02/20/2026',
      '2026-2-1',
      '2026-02-20T10:00',
      '0000-01-01',
    ]) {
      it(`${text} is none`, () => assert.deepEqual(cell('day', text), ['INVALID_DATE']));
    }
  });

  describe('reads points in time', () => {
    for (const [text, value] of [
      ['2026-02-20T10:15:00Z', '2026-02-20T10:15:00+00:00'],
      ['2026-02-20 10:15Z', '2026-02-20T10:15:00+00:00'],
      ['2026-02-20T10:15:30.5-05', '2026-02-20T10:15:30.5-05:00'],
      ['2026-02-20T10:15:30.123456+0530', '2026-02-20T10:15:30.123456+05:30'],
      ['2026-02-20T10:15:30.1234560 +05:30', '2026-02-20T10:15:30.123456+05:30'],
    ] as const) {
      it(`${text} is ${value}`, () => assert.equal(cell('begun', text), value));
    }
    for (const text of [
      '2026-02-30T10:00:00Z',
      '2026-02-20T24:00:00Z',
      '2026-02-20T10:60:00Z',
      '2026-02-20T10:00:60Z',
      '2026-02-20',
      '10:00',
      '2026-02-20T10:00:00+25:00',
      '2026-02-20T10:00:00.1234567Z',
    ]) {
      it(`${text} is none`, () => assert.deepEqual(cell('begun', text), ['INVALID_TIMESTAMP']));
    }
    it("without an offset, in the row's own time zone before the enablement's", () => {
      assert.equal(
        cell('begun', '2026-07-01 12:00', { timeZone: 'Europe/Berlin' }),
        '2026-07-01T12:00:00+02:00',
      );
      assert.equal(
        cell('begun', '2026-01-01 12:00', { timeZone: 'Europe/Berlin' }),
        '2026-01-01T12:00:00+01:00',
      );
      assert.equal(
        cell('begun', '2026-07-01 12:00', { timeZone: 'Europe/Berlin' }, { zone: 'Asia/Kolkata' }),
        '2026-07-01T12:00:00+05:30',
      );
    });
    it('and refuses them when no time zone is known', () =>
      assert.deepEqual(cell('begun', '2026-07-01 12:00'), ['MISSING_TIME_ZONE']));
    it('and refuses local times that the clocks skip or repeat', () => {
      const spec = { timeZone: 'America/New_York' };
      assert.deepEqual(cell('begun', '2026-03-08 02:30', spec), ['LOCAL_TIME_SKIPPED']);
      assert.deepEqual(cell('begun', '2026-11-01 01:30', spec), ['LOCAL_TIME_AMBIGUOUS']);
      assert.equal(cell('begun', '2026-03-08 03:00', spec), '2026-03-08T03:00:00-04:00');
      assert.equal(cell('begun', '2026-03-08 01:59', spec), '2026-03-08T01:59:00-05:00');
      assert.match(
        message('begun', '2026-11-01 01:30', spec),
        /happens twice in America\/New_York.*Write the offset/,
      );
    });
    it('unless the enablement says which to take', () => {
      const instant = (text: string, ambiguousLocalTime: 'earlier' | 'later') =>
        new Date(
          String(cell('begun', text, { timeZone: 'America/New_York', ambiguousLocalTime })),
        ).toISOString();
      assert.equal(instant('2026-11-01 01:30', 'earlier'), '2026-11-01T05:30:00.000Z');
      assert.equal(instant('2026-11-01 01:30', 'later'), '2026-11-01T06:30:00.000Z');
      assert.equal(instant('2026-03-08 02:30', 'earlier'), '2026-03-08T06:30:00.000Z');
      assert.equal(instant('2026-03-08 02:30', 'later'), '2026-03-08T07:30:00.000Z');
    });
    it('and refuses an end before its beginning, to the microsecond and across offsets', () => {
      const ends = (begun: string, ended: string) => cell('ended', ended, {}, { begun });
      assert.deepEqual(ends('2026-02-20T10:00:00Z', '2026-02-20T09:59:59Z'), ['ORDER']);
      assert.deepEqual(ends('2026-02-20T10:00:00.000002Z', '2026-02-20T10:00:00.000001Z'), ['ORDER']);
      assert.ok(typeof ends('2026-02-20T10:00:00+02:00', '2026-02-20T09:00:00+01:00') === 'string');
    });
  });

  describe('reads lists and codes', () => {
    it('values of a list in any case, with spaces for underscores', () => {
      assert.equal(cell('size', 'SMALL'), 'small');
      assert.equal(cell('size', 'Very large'), 'very_large');
      assert.deepEqual(cell('size', 'huge'), ['NOT_IN_LIST']);
      assert.match(message('size', 'huge'), /is not one of small, very_large/);
    });
    it('currencies of ISO 4217', () => {
      assert.equal(cell('currency', 'usd'), 'USD');
      assert.deepEqual(cell('currency', 'XYZ1'), ['INVALID_CURRENCY']);
      assert.deepEqual(cell('currency', '€'), ['INVALID_CURRENCY']);
    });
    it('time zones of IANA', () => {
      assert.equal(cell('zone', 'UTC'), 'UTC');
      for (const text of ['+02:00', 'EST5EDT4', 'Mars/Base', '../etc', 'PST', 'ast'])
        assert.deepEqual(cell('zone', text), ['INVALID_TIME_ZONE'], text);
    });
    it('yes and no', () => {
      for (const text of ['true', 'TRUE', 'Yes', 'y', 't', '1']) assert.equal(cell('paid', text), 'true');
      for (const text of ['false', 'No', 'n', 'F', '0']) assert.equal(cell('paid', text), 'false');
      assert.deepEqual(cell('paid', 'maybe'), ['INVALID_BOOLEAN']);
    });
    it('JSON objects, and nothing that jsonb cannot hold', () => {
      assert.equal(cell('extra', '{"a": 0.10}'), '{"a": 0.10}');
      for (const text of [
        '[1]',
        '1',
        '{',
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        `{"a":${'['.repeat(40)}${']'.repeat(40)}}`,
        '{"a":1e99999}',
      ]) {
        assert.deepEqual(cell('extra', text), ['INVALID_JSON_VALUE'], text);
      }
    });
  });

  it('reports every fault of a row, each with line, column, value and sentence', () => {
    const result = transformRow({ id: '', money: 'x', day: 'y' });
    assert.ok(!result.ok);
    assert.deepEqual(
      result.faults.map(({ line, column, code, value }) => [line, column, code, value]),
      [
        [2, 'id', 'REQUIRED', null],
        [2, 'money', 'INVALID_NUMBER', 'x'],
        [2, 'day', 'INVALID_DATE', 'y'],
      ],
    );
  });

  it('quotes no more than 100 characters of a value', () => {
    const result = transformRow({ note: 'x'.repeat(5_000) });
    assert.ok(!result.ok);
    assert.equal(result.faults[0]?.value?.length, 100);
  });

  it('fills in constants and defaults', () => {
    const spec = {
      columns: [
        { name: 'currency', constant: 'EUR' },
        { name: 'size', default: 'small' },
      ],
    };
    assert.equal(cell('currency', 'USD', spec), 'EUR');
    assert.equal(cell('size', '', spec), 'small');
    assert.equal(cell('size', 'very large', spec), 'very_large');
  });

  it('answers any text with a value or a fault, never with an exception', () => {
    const columns = KINDS.columns.map(({ name }) => name);
    fc.assert(
      fc.property(
        fc.constantFrom(...columns),
        fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.double().map(String)),
        (column, text) => {
          assert.ok(transformRow({ [column]: text }, { timeZone: 'Europe/Paris' }));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
