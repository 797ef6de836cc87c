import assert from 'node:assert/strict';
import { compileTransform } from '../../../src/pipeline/transform/compile.ts';
import type { TransformerSpec } from '../../../src/schemas/transformer-spec.ts';
import { validateTransformer } from '../../../src/schemas/validate-transformer.ts';
import { loadManifestValidator } from '../../../src/tenancy/manifest-validation.ts';
import { API_VERSION } from '../../../src/tenancy/resources.ts';
import { KINDS } from '../../pipeline/support.ts';
import type { Target } from '../guided/target.ts';

/** Columns, and headers that only a transformer names. */
const VALUES_OF_A_ROW = 24;

interface Given {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A spec with rows to try it on, in JSON. Undefined for other texts, which no transformer is ever made of. */
function givenBy(input: Buffer): Given | undefined {
  let value: unknown;
  try {
    value = JSON.parse(input.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { rows, ...spec } = value as Record<string, unknown>;
  return { spec, rows: Array.isArray(rows) ? rows.map(valuesOf) : [] };
}

function valuesOf(row: unknown): (string | null)[] {
  const values = Array.isArray(row) ? row : [];
  return Array.from({ length: VALUES_OF_A_ROW }, (_, index) => {
    const value: unknown = values[index];
    return typeof value === 'string' ? value : null;
  });
}

/** Refused by the CRD or by its schema type, with a path; or a transformer that works on every row. */
export async function openTransformer(): Promise<Target> {
  const validate = await loadManifestValidator();
  const accepted = (transformer: Given['spec']): TransformerSpec | undefined => {
    const result = validate({
      apiVersion: API_VERSION,
      kind: 'SchemaEnablement',
      metadata: { name: 'a' },
      spec: { organizationRef: { name: 'a' }, schemaType: 'kinds', transformer },
    });
    if ('manifest' in result && result.manifest.kind === 'SchemaEnablement')
      return result.manifest.spec.transformer as TransformerSpec;
    assert.ok('faults' in result && result.faults.length > 0);
    for (const { path, message } of result.faults) {
      assert.deepEqual(path.slice(0, 2), ['spec', 'transformer'], message);
      assert.ok(message.length > 0 && message.length < 2_000);
    }
    return undefined;
  };
  return {
    seeds: SEEDS,
    tokens: TOKENS,
    maxBytes: 2_000,
    check: (input) => {
      const given = givenBy(input);
      const spec = given && accepted(given.spec);
      if (spec) checkSpec(spec, given.rows);
    },
  };
}

function checkSpec(spec: TransformerSpec, rows: Given['rows']): void {
  const problems = validateTransformer(KINDS, spec);
  for (const problem of problems) assert.match(problem, /^[a-zA-Z]+(\[\d+\])?(\.[a-zA-Z]+(\[.*\])?)*: \S/su);
  if (problems.length > 0) return;
  const transform = compileTransform(KINDS, spec);
  for (const [line, values] of rows.entries()) {
    const result = transform({ line, values, cells: [] });
    if (!result.ok)
      for (const { code, message } of result.faults) assert.ok(code && message && message.length < 2_000);
    else if ('values' in result) assert.equal(result.values.length, KINDS.columns.length);
    assert.deepEqual(transform({ line, values, cells: [] }), result, 'the same row is judged otherwise');
  }
}

const ROW = ['A-1', 'text', 'small', '2', '12.50', '2026-02-20', '2026-02-20T10:00:00Z', null, 'UTC', 'EUR'];
const seed = (spec: Readonly<Record<string, unknown>>, row: readonly (string | null)[] = ROW) =>
  JSON.stringify({ ...spec, rows: [row] });

/** Clocks of Paris skip the one and pass the other twice. */
const LOCAL_TIMES = ['2026-03-29T02:30:00', '2026-10-25T02:30:00'];

const SEEDS = [
  ...['reject', 'earlier', 'later'].flatMap((ambiguousLocalTime) =>
    LOCAL_TIMES.map((time) =>
      seed({ timeZone: 'Europe/Paris', ambiguousLocalTime }, [
        ...ROW.slice(0, 6),
        time,
        null,
        'Asia/Kolkata',
      ]),
    ),
  ),
  seed({ timeZone: 'Europe/Paris', ambiguousLocalTime: 'earlier' }, [
    ...ROW.slice(0, 6),
    LOCAL_TIMES[1] ?? '',
  ]),
  seed({ dateFormat: 'dd.MM.yyyy' }, ['A', null, null, null, null, '20.02.2026']),
  seed({ timestampFormat: 'MMM d, yyyy h:mm a' }, [...ROW.slice(0, 6), 'Feb 20, 2026 1:05 PM']),
  seed({ timestampFormat: "yyyy-MM-dd'T'HH:mm:ssX" }, [...ROW.slice(0, 6), '2026-02-20T10:00:00+01']),
  seed({ decimalSeparator: ',', thousandsSeparator: '.', currencySymbol: 'EUR', parenthesesNegative: true }, [
    'A',
    null,
    null,
    '1.000',
    '(1.234,5 EUR)',
  ]),
  seed({ columns: [{ name: 'size', values: { S: 'small', L: 'very_large' }, default: 'small' }] }),
  seed({ columns: [{ name: 'begun', headers: ['D', 'T'], separator: ' ', format: 'yyyy-MM-dd HH:mm' }] }),
  seed({ columns: [{ name: 'count', header: 'Hours', format: 'hours' }] }, ['A', '', '', '1.5']),
  seed({ columns: [{ name: 'ended', nextDay: true }], onlyRows: { header: 'weather', values: ['x'] } }),
  seed({ columns: [{ name: 'zone', constant: 'UTC' }], currency: 'USD', maxRowErrors: 3 }),
  seed({ onDuplicate: 'reject', onRowError: 'fail', columns: [{ name: 'id', header: 'Order ID' }] }),
];

const TOKENS = [
  ...['"columns":[', '{"name":"', '"header":"', '"headers":["', '"separator":"', '"format":"', '"values":{"'],
  ...['"nextDay":true', '"constant":"', '"default":"', '"onlyRows":{"header":"', '"timeZone":"', '"rows":[['],
  ...['"dateFormat":"', '"timestampFormat":"', '"decimalSeparator":","', '"thousandsSeparator":" "', '"},{"'],
  ...[
    '"currencySymbol":"',
    '"parenthesesNegative":true',
    '"currency":"EUR"',
    '"maxRowErrors":1',
    '__proto__',
  ],
  ...[
    'yyyy',
    'yy',
    'MMMM',
    'MMM',
    'EEE',
    'dd',
    'HH',
    'hh',
    'mm',
    'ss',
    'SSS',
    'a',
    'X',
    'XXX',
    'z',
    "''",
    "'T'",
  ],
  ...['hours', 'duration', '\\u0000', '\\ud800', '\u00a0', '$', '(', '[', '\\\\', '^', '*', 'Mars/Base'],
  ...KINDS.columns.map(({ name }) => name),
];
