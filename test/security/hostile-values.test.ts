import assert from 'node:assert/strict';
import { MAX_NESTING, MAX_RECORD_CHARACTERS } from '../../src/pipeline/read/limits.ts';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { KINDS, transformRow } from '../pipeline/support.ts';

/**
 * Processor time that one value of the longest record may take, in milliseconds. A pattern that reads a run of
 * characters again from each of them takes minutes; what is read once takes tens of milliseconds.
 */
const MAY_TAKE_MS = 1_000;

const LENGTH = MAX_RECORD_CHARACTERS - 100;
const fill = (unit: string) => unit.repeat(Math.floor(LENGTH / unit.length));
const list = (item: string) => `{"a":[${fill(`${item},`)}1]}`;

/** Long runs of what patterns look for, and then something that makes them fail as late as possible. */
const HOSTILE: Readonly<Record<string, string>> = {
  'zeros behind the point, and a one': `0.${fill('0')}1`,
  'zeros before a one': `${fill('0')}1`,
  'digits without end': fill('9'),
  'digits and a letter': `${fill('9')}x`,
  'groups of three': `1${fill(',000')}x`,
  'groups of three by dots': `1${fill('.000')}x`,
  'exponent digits': `1e${fill('9')}`,
  'dates one behind the other': fill('2026-02-20T10:00:00Z '),
  'colons and digits': `${fill('12:')}x`,
  'letters of a month': `${fill('MayMar')}1`,
  spaces: `1${fill(' ')}1`,
  'spaces within a date': `1. May${fill(' ')}x`,
  'spaces behind a time': `May 1, 2026 1:00:00.000 PM${fill(' ')}x`,
  'no-break spaces': `1${fill('\u00a0')}1`,
  'signs and symbols': `${fill('-$(')}1`,
  'quotes and backslashes': fill('\\"'),
  'hyphens and spaces': `a${fill('- ')}b`,
  'letters that change their length in lower case': fill('İ'),
  'numbers of a thousand digits': list('1'.repeat(1_000)),
  'one long string in an object': `{"a":"${'x'.repeat(LENGTH - 10)}"}`,
  'escapes in an object': `{"a":"${fill('\\\\')}"}`,
  'half characters in an object': `{"a":"${fill('\\ud800')}"}`,
  'keys in an object': `{${fill('"k":1,')}"z":1}`,
  'brackets in a string': `{"a":"${fill('[')}"}`,
  'brackets in brackets': `${'['.repeat(LENGTH / 2)}${']'.repeat(LENGTH / 2)}`,
  'an object that does not end': `{"a":"${fill('x\\')}`,
};

const LENIENT: Partial<TransformerSpec> = {
  decimalSeparator: ',',
  thousandsSeparator: '.',
  currencySymbol: '$',
  parenthesesNegative: true,
  dateFormat: "d. MMMM ' ' ' ' yyyy",
  timestampFormat: "MMM d, yyyy h:mm:ss.SSS a ' ' ' ' z",
  timeZone: 'Europe/Paris',
};
const MINUTES: Partial<TransformerSpec> = {
  columns: [{ name: 'count', header: 'count', format: 'duration' }],
};
const HOURS: Partial<TransformerSpec> = { columns: [{ name: 'count', header: 'count', format: 'hours' }] };

const SPECS = { 'the usual form': {}, 'every option': LENIENT, durations: MINUTES, hours: HOURS } as const;

describe('A value made to keep a worker busy', function () {
  this.timeout(120_000);

  for (const [form, spec] of Object.entries(SPECS)) {
    it(`takes no column longer than one pass, with files of ${form}`, () => {
      for (const [what, text] of Object.entries(HOSTILE)) {
        for (const { name } of KINDS.columns) {
          const before = process.cpuUsage();
          const result = transformRow({ [name]: text }, spec);
          const { user } = process.cpuUsage(before);
          assert.ok(user / 1_000 < MAY_TAKE_MS, `${what} in ${name}: ${Math.round(user / 1_000)} ms`);
          if (!result.ok)
            for (const { message } of result.faults) assert.ok(message.length < 1_000, `${what} in ${name}`);
        }
      }
    });
  }

  it('is refused for what is wrong with it', () => {
    const codes = (column: string, what: string) => {
      const result = transformRow({ [column]: HOSTILE[what] ?? '' });
      return result.ok ? [] : result.faults.map(({ code }) => code);
    };
    assert.deepEqual(codes('money', 'zeros behind the point, and a one'), ['TOO_PRECISE']);
    assert.deepEqual(codes('money', 'digits without end'), ['OUT_OF_RANGE']);
    assert.deepEqual(codes('zone', 'spaces'), ['INVALID_TIME_ZONE']);
    assert.deepEqual(codes('extra', 'numbers of a thousand digits'), []);
    assert.deepEqual(codes('extra', 'half characters in an object'), ['INVALID_JSON_VALUE']);
    assert.deepEqual(codes('extra', 'brackets in brackets'), ['INVALID_JSON_VALUE']);
    assert.ok(MAX_NESTING < 1_000);
    const tooLong = `{"a":${'1'.repeat(1_001)}}`;
    const result = transformRow({ extra: tooLong });
    assert.ok(!result.ok && /more than 1000 digits/.test(result.faults[0]?.message ?? ''));
  });
});
