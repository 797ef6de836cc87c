import type { Format } from '../../../src/pipeline/read/read-file.ts';
import type { TransformerSpec } from '../../../src/schemas/transformer-spec.ts';
import { asEncoded, asJudged, assertAlike, fileOf } from '../../pipeline/fast-support.ts';
import { KINDS } from '../../pipeline/support.ts';
import type { Target } from '../guided/target.ts';

/** An input that begins with a digit is read with the transformer of that number. */
const SPECS: readonly Partial<TransformerSpec>[] = [
  {},
  { timeZone: 'Europe/Berlin', decimalSeparator: ',', thousandsSeparator: '.', currency: 'CHF' },
  { onlyRows: { header: 'size', values: ['SMALL'] }, columns: [{ name: 'currency', constant: 'USD' }] },
  {
    timeZone: 'America/New_York',
    ambiguousLocalTime: 'later',
    columns: [
      { name: 'begun', headers: ['day', 'weather'] },
      { name: 'ended', nextDay: true },
      { name: 'size', values: { huge: 'small', EUR: '' } },
      { name: 'count', format: 'hours' },
    ],
  },
  { dateFormat: 'dd.MM.yyyy', timestampFormat: 'dd.MM.yyyy HH:mm', parenthesesNegative: true },
  { currencySymbol: '$', thousandsSeparator: "'", columns: [{ name: 'note', header: 'weather' }] },
  {
    timeZone: 'Europe/Berlin',
    ambiguousLocalTime: 'earlier',
    columns: [
      { name: 'size', default: 'very_large' },
      { name: 'begun', default: '2026-07-01T12:00:00Z' },
      { name: 'note', header: 'weather', values: { 'A-1': 'first', x: '' } },
    ],
  },
  {
    decimalSeparator: ',',
    thousandsSeparator: ' ',
    currencySymbol: 'EUR',
    columns: [
      { name: 'zone', constant: 'Asia/Kolkata' },
      { name: 'money', default: '100' },
    ],
  },
  { onlyRows: { header: 'weather' }, timestampFormat: 'yyyy-MM-dd HH:mm:ss', dateFormat: 'yyyy-MM-dd' },
];
const DIGIT_ZERO = 0x30;
/** Up to this length every byte comes alone in one of the readings. */
const ALL_CUTS_BYTES = 48;

/** The decoder of CSV or JSON: two ways to read a file, and every way to cut it. */
function fileTarget(format: Format, seeds: readonly string[], tokens: readonly string[]): Target {
  return {
    seeds,
    tokens: [...tokens, ...WORDS],
    maxBytes: 1_500,
    check: async (input) => {
      const number = (input[0] ?? 0) - DIGIT_ZERO;
      const chosen = number >= 0 && number <= 9;
      const spec = SPECS[chosen ? number % SPECS.length : 0] ?? {};
      const content = chosen ? input.subarray(1) : input;
      const whole = await asEncoded(fileOf(format, content, spec, []));
      assertAlike(await asJudged(fileOf(format, content, spec, [])), whole);
      const stride = content.length <= ALL_CUTS_BYTES ? 1 : 13;
      const cuts = Array.from({ length: Math.ceil(content.length / stride) }, (_, index) => index * stride);
      assertAlike(await asEncoded(fileOf(format, content, spec, [content.length >> 1])), whole);
      for (const read of [asEncoded, asJudged])
        assertAlike(await read(fileOf(format, content, spec, cuts)), whole);
    },
  };
}

const WORDS = [
  ...KINDS.columns.map(({ name }) => name),
  ...['Order ID', 'weather', '_line', '\ufeff', '\u00e4', '\ud83d\ude00', '2026-02-20', '20.02.2026 10:15'],
  ...[
    '2026-03-08T02:30:00',
    '2026-11-01T01:30:00',
    '2026-02-20T10:00:00Z',
    '2026-02-20 11:30:00+02:00',
    '12.50',
    '1.234,5',
    '(12)',
    '$1',
    '1:30',
    '24:00',
  ],
  ...['small', 'SMALL', 'Very large', 'EUR', 'Europe/Paris', 'true', 'no', '{"a":1}', '[1]', 'huge'],
];

const HEADER = KINDS.columns.map(({ name }) => name).join(',');
const ROW =
  'A-1,text,small,2,12.50,2026-02-20,2026-02-20T10:00:00Z,2026-02-20T11:00:00Z,Europe/Paris,EUR,true,{}';

export const openCsv = async (): Promise<Target> =>
  fileTarget(
    'csv',
    [
      `${HEADER}\n${ROW}\n`,
      `1${HEADER}\r\n${ROW}\r\nB,"a ""b"", c",,,,,,,,,,\r\n`,
      '2Order ID,size,weather\nA,SMALL,x\nB,huge,y\n\nC,,',
      '3id,day,weather,ended,size,count\nA,2026-02-20,10:00,09:00,huge,1.5\n',
      '4id,day,begun,money\nA,20.02.2026,20.02.2026 10:15,(12.50)\n',
      '5id,note,money,weather\n"A",x,$1\'000.50,"w\nw"\n',
      'id;note\nA;x\n',
      '',
    ],
    ['"', '""', '","', '\r', '\r\n', '\n\n', ',,', '"\n', '\0', '\u001a'],
  );

export const openJson = async (): Promise<Target> =>
  fileTarget(
    'json',
    [
      '[{"id":"A-1","note":"text","count":2,"money":12.50,"day":"2026-02-20","paid":true,"extra":{"a":[1]}}]',
      '1{"meta":{"page":1},"data":[{"id":"A","money":"1.234,5"},{"id":"B","note":null}],"next":null}',
      '2[{"Order ID":"A","size":"SMALL","weather":"x"},{"id":"B","size":"huge"}]',
      '3[{"id":"A","day":"2026-02-20","weather":"10:00","count":1.5,"size":"huge"}]\n',
      '4 [ { "id" : "A" , "day" : "20.02.2026" , "money" : "(12.50)" } , {} , 7 ]',
      '5{"rows":[{"id":"\\u0041\\n","note":"\\ud83d\\ude00","extra":[[{}]]}]}',
      '[]',
      '',
    ],
    ['{', '}', '[', ']', '":', '","', '\\u00', '\\"', '\\\\', 'null', '-0', '1e5', '{"id":"B"},', '[['],
  );
