import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileTransform } from '../../src/pipeline/transform/compile.ts';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { validateTransformer } from '../../src/schemas/validate-transformer.ts';
import { KINDS } from '../pipeline/support.ts';
import { corpusOf, search, textBytes } from './corpus.ts';

const TARGET = 'transformer';

const pattern = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        'yyyy',
        'yy',
        'MMMM',
        'MMM',
        'MM',
        'M',
        'dd',
        'd',
        'HH',
        'H',
        'hh',
        'h',
        'mm',
        'm',
        'ss',
        's',
        'SSS',
        'a',
        'X',
        'z',
        '/',
        '-',
        ' ',
        ':',
        '.',
        "'T'",
        "''",
        "' '",
        '\\',
        '(',
        '[',
        '^',
        '$',
        '*',
      ),
      { maxLength: 14 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    'yyyy-MM-dd',
    'dd.MM.yyyy',
    'M/d/yyyy h:mm a',
    "yyyy-MM-dd'T'HH:mm:ssX",
    'MMM d, yyyy HH:mm z',
  ),
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    '-0',
    '1',
    '1.5',
    '2026-02-20',
    '2026-02-20T10:00:00Z',
    '20.02.2026',
    '2/30/2026 1:05 PM',
    'small',
    'EUR',
    'Europe/Paris',
    'true',
    '{}',
    '$1,000.50',
    '(3)',
    '1e3',
    '__proto__',
    'Feb 20, 2026 10:00 EST',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const name = fc.constantFrom(...KINDS.columns.map((column) => column.name), 'none', '__proto__');
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const column = fc.record(
  {
    name,
    header: optional(value),
    headers: optional(fc.array(value, { minLength: 1, maxLength: 3 })),
    separator: optional(fc.constantFrom('', ' ', 'T', '-')),
    format: optional(fc.oneof(pattern, fc.constantFrom('hours', 'duration'))),
    values: optional(fc.dictionary(value, value, { maxKeys: 3 })),
    nextDay: optional(fc.boolean()),
    constant: optional(value),
    default: optional(value),
  },
  { requiredKeys: ['name'] },
);
const spec = fc.record({
  columns: fc.array(column, { maxLength: 4 }),
  onlyRows: optional(fc.record({ header: value, values: optional(fc.array(value, { maxLength: 3 })) })),
  timeZone: optional(fc.constantFrom('Europe/Paris', 'America/New_York', 'UTC', 'Mars/Base', '')),
  ambiguousLocalTime: fc.constantFrom('reject', 'earlier', 'later'),
  dateFormat: optional(pattern),
  timestampFormat: optional(pattern),
  decimalSeparator: fc.constantFrom('.', ','),
  thousandsSeparator: optional(fc.constantFrom(',', '.', ' ', "'")),
  currencySymbol: optional(fc.constantFrom('$', 'EUR', '\\', '[', '€', '^', '1')),
  parenthesesNegative: optional(fc.boolean()),
  currency: optional(fc.constantFrom('EUR', 'XXX', 'none')),
  maxRowErrors: optional(fc.nat(10)),
  rows: fc.array(fc.array(fc.option(value), { minLength: 12, maxLength: 20 }), {
    minLength: 1,
    maxLength: 5,
  }),
});

type Given = Partial<TransformerSpec> & { readonly rows: readonly (string | null)[][] };

const isFine = (spec: Partial<TransformerSpec>) =>
  validateTransformer(KINDS, { ...DEFAULT_TRANSFORMER, ...spec }).length === 0;

/** Without the parts that are refused by themselves: few at random have none. */
function mended({ rows: _rows, columns = [], ...rest }: Given): TransformerSpec {
  const names = new Set<string>();
  const fine = columns.filter(
    (each) => isFine({ columns: [each] }) && !names.has(each.name) && names.add(each.name),
  );
  let spec: TransformerSpec = { ...DEFAULT_TRANSFORMER, columns: fine };
  for (const [field, setting] of Object.entries(rest))
    if (isFine({ ...spec, [field]: setting })) spec = { ...spec, [field]: setting };
  return spec;
}

/** A transformer that has no problems never fails: each row is loaded, left out, or told what is wrong. */
function check(bytes: Buffer): void {
  const given = JSON.parse(bytes.toString()) as Given;
  const { rows, ...whole } = given;
  const specs = [mended(given), ...(isFine(whole) ? [{ ...DEFAULT_TRANSFORMER, ...whole }] : [])];
  for (const spec of specs) {
    const transform = compileTransform(KINDS, spec);
    for (const [line, values] of rows.entries()) {
      const result = transform({ line, values, cells: [] });
      if (!result.ok) for (const { code, message } of result.faults) assert.ok(code && message);
      else if ('values' in result) assert.equal(result.values.length, KINDS.columns.length);
    }
  }
}

describe('A fuzzed transformer', function () {
  this.timeout(600_000);

  for (const { name: file, bytes } of corpusOf(TARGET))
    it(`is refused, or works on every row: ${file}`, () => check(bytes));

  it('is refused, or works on every row', () =>
    search(TARGET, textBytes(spec.map((each) => JSON.stringify(each))), check));
});
