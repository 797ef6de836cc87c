import fc from 'fast-check';

/** Cells that are plain for some column, nearly plain, or none of it. */
const CELLS = [
  ...['', ' ', 'A-1', 'x', 'ünï', '\u00a0', '\ufeff', ' padded ', 'x'.repeat(21), '"', '""', 'a"b', ','],
  ...[
    'small',
    'Very large',
    'SMALL',
    'huge',
    'EUR',
    'eur',
    'XXY',
    'Europe/Paris',
    'Mars/Base',
    'true',
    'No',
    '1',
  ],
  ...['0', '-0', '00', '7', '007', '-7', '+7', '2.0', '2.5', '9223372036854775807', '-9223372036854775808'],
  ...[
    '0000000000000000000007',
    '12.50',
    '-12.5',
    '.5',
    '5.',
    '.',
    '-',
    '1.00005',
    '1.50000',
    '1e3',
    '1,5',
    '0.0001',
  ],
  ...[
    '999999999999999.9999',
    '1000000000000000',
    '00012.10',
    '10000',
    '100000000',
    '123456789.0012',
    '-0.00',
  ],
  ...[
    '2026-02-20',
    '2024-02-29',
    '2026-02-29',
    '0001-01-01',
    '9999-12-31',
    '20.02.2026',
    '2026-2-1',
    '1900-02-29',
  ],
  ...[
    '2026-02-20T10:15:00Z',
    '2026-02-20 10:15:00+02:00',
    '2026-02-20T10:15Z',
    '2026-02-20T10:15:00',
    '2026-07-01T12:00:00',
  ],
  ...[
    '2026-02-20T10:15:30.123456-05:00',
    '2026-02-20T10:15:30.1234567Z',
    '2026-02-20T10:15:30.Z',
    '2026-02-20T24:00:00Z',
  ],
  ...[
    '0001-01-01T00:00:00+15:59',
    '9999-12-31T23:59:59.999999-15:59',
    '2026-02-20T10:15:00+16:00',
    '1970-01-01T00:00:00z',
  ],
  ...[
    '2026-03-08T02:30:00',
    '2026-11-01T01:30:00',
    '{}',
    '{"a":0.10}',
    '[1]',
    '{',
    'line\nbreak',
    'cr\r\nlf',
    '\r',
    '=1+1',
  ],
];

export const cell = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...CELLS) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.bigInt(-(10n ** 20n), 10n ** 20n).map(String) },
  { weight: 1, arbitrary: fc.double().map(String) },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()) },
);

/** Texts of parts that are plain, but for at most one of them. */
function oneOdd(parts: readonly (readonly [plain: readonly string[], odd: readonly string[]])[]) {
  const plain = parts.map(([texts]) => fc.constantFrom(...texts));
  const odd = fc.nat(parts.length - 1).chain((place) => {
    const texts = parts[place]?.[1] ?? [];
    return texts.length === 0
      ? fc.constant({ place: -1, text: '' })
      : fc.constantFrom(...texts).map((text) => ({ place, text }));
  });
  return fc
    .tuple(fc.tuple(...plain), odd)
    .map(([texts, { place, text }]) => texts.map((own, index) => (index === place ? text : own)).join(''));
}

/** Timestamps of few different parts, so that many are alike but for the last digit. */
const instant = oneOdd([
  [
    ['2026-02-20', '2024-02-29'],
    ['2026-02-29', '2026-13-01', '2026-00-10', '0000-01-01', '2026-04-31', '2026-2-1'],
  ],
  [
    ['T', ' '],
    ['t', ''],
  ],
  [
    ['10', '23'],
    ['24', '1', ''],
  ],
  [
    [':15', ':59'],
    [':60', ':5', ''],
  ],
  [
    [':00', ':59'],
    [':60', ':99', ''],
  ],
  [
    ['', '.000001', '.000002', '.1'],
    ['.1234567', '.'],
  ],
  [
    ['Z', '+00:00', '-05:00', '+15:59'],
    ['-16:00', '+02', '+0200', '+02:60', ' Z', 'z', '', 'ZZ'],
  ],
]);

/** Numbers of few different parts. */
const number = oneOdd([
  [
    ['', '-'],
    ['+', ' ', '--'],
  ],
  [
    ['0', '7', '007', '12', '1234', '10000', '123456789012345'],
    ['1234567890123456', '9223372036854775807', '9223372036854775808', ''],
  ],
  [
    ['', '.0', '.5', '.0001'],
    ['.', '.00010', '.00001', ',5', "'000", 'e2', ' '],
  ],
]);

/** A value at the edge of the plain form of some column. */
export const edge = fc.oneof(instant, number, cell);

/** What an enablement may say. */
export const specs = fc.record(
  {
    timeZone: fc.constantFrom('America/New_York', 'Europe/Berlin'),
    ambiguousLocalTime: fc.constantFrom('reject', 'earlier', 'later'),
    decimalSeparator: fc.constantFrom('.', '.', ','),
    thousandsSeparator: fc.constantFrom("'", ' '),
    currencySymbol: fc.constantFrom('$', 'EUR'),
    parenthesesNegative: fc.boolean(),
    dateFormat: fc.constantFrom('dd.MM.yyyy', 'yyyy-MM-dd'),
    timestampFormat: fc.constantFrom('yyyy-MM-dd HH:mm:ss', 'dd.MM.yyyy HH:mm'),
    currency: fc.constantFrom('CHF'),
    onlyRows: fc.constantFrom({ header: 'weather' }, { header: 'size', values: ['SMALL', 'huge'] }),
    columns: fc.constantFrom(
      [],
      [{ name: 'currency', constant: 'USD' }],
      [
        { name: 'size', default: 'very_large' },
        { name: 'begun', default: '2026-07-01T12:00:00Z' },
        { name: 'ended', nextDay: true },
      ],
      [
        { name: 'zone', constant: 'Asia/Kolkata' },
        { name: 'money', default: '100' },
        { name: 'note', header: 'weather', values: { 'A-1': 'first', x: '' } },
      ],
      [
        { name: 'begun', headers: ['day', 'weather'] },
        { name: 'size', values: { huge: 'small', EUR: '' } },
        { name: 'count', format: 'hours' },
      ],
    ),
  },
  { requiredKeys: [] },
);

/** Where a file's bytes are cut. */
export const cuts = fc.array(fc.nat(), { maxLength: 8 });
