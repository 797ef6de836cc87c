import { Readable } from 'node:stream';
import fc from 'fast-check';
import { readRecords } from '../../src/pipeline/read/read-file.ts';
import type { SourceRecord, TransformResult } from '../../src/pipeline/records.ts';
import { compileTransform } from '../../src/pipeline/transform/compile.ts';
import { parseSchemaFile } from '../../src/schemas/schema-file.ts';
import type { SchemaType } from '../../src/schemas/schema-type.ts';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';

/** A schema type with a column of every kind. */
export const KINDS: SchemaType = parseSchemaFile(
  'kinds.yaml',
  `
name: kinds
title: Kinds
description: A column of every kind.
fields:
  - { name: id, type: string, description: d, example: A-1, constraints: { required: true, maxLength: 20 }, piing: { aliases: [Order ID] } }
  - { name: note, type: string, description: d, example: text }
  - { name: size, type: string, description: d, example: small, constraints: { enum: [small, very_large] } }
  - { name: count, type: integer, description: d, example: "2", constraints: { minimum: 0 } }
  - { name: money, type: number, description: d, example: "12.50", piing: { sqlType: "numeric(19,4)" } }
  - { name: day, type: date, description: d, example: "2026-02-20" }
  - { name: begun, type: datetime, description: d, example: "2026-02-20T10:00:00Z" }
  - { name: ended, type: datetime, description: d, example: "2026-02-20T11:00:00Z" }
  - { name: zone, type: string, description: d, example: Europe/Paris, piing: { format: timeZone } }
  - { name: currency, type: string, description: d, example: EUR, piing: { format: currency } }
  - { name: paid, type: boolean, description: d, example: "true" }
  - { name: extra, type: object, description: d, example: "{}" }
primaryKey: [id]
piing:
  table: kinds
  rules: [{ column: ended, notBefore: begun }]
`,
);

/** Columns of nothing but text: what comes out has to be what went in. */
const TEXTS: SchemaType = parseSchemaFile(
  'texts.yaml',
  `
name: texts
title: Texts
description: Nothing but text.
fields:
  - { name: a, type: string, description: d, example: x, constraints: { required: true, maxLength: 100000 } }
  - { name: b, type: string, description: d, example: x, constraints: { maxLength: 100000 } }
  - { name: c, type: string, description: d, example: x, constraints: { maxLength: 100000 } }
primaryKey: [a]
piing: { table: texts }
`,
);

/** Cuts bytes at the given places: readers must not care where the network cuts. */
export function* inPieces(bytes: Uint8Array, cuts: readonly number[] = []): Generator<Uint8Array> {
  let at = 0;
  for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (cut > at) yield bytes.subarray(at, cut);
    at = Math.max(at, cut);
  }
}

export async function readAll(
  format: 'csv' | 'json',
  content: string | Uint8Array,
  options: {
    readonly schema?: SchemaType;
    readonly spec?: Partial<TransformerSpec>;
    readonly cuts?: readonly number[];
  } = {},
): Promise<{
  readonly records: SourceRecord[];
  readonly unknown: string[];
  readonly warnings: readonly string[];
  readonly headers: readonly string[];
}> {
  const records: SourceRecord[] = [];
  const unknown: string[] = [];
  const warnings: string[] = [];
  let headers: readonly string[] = [];
  const spec = { ...DEFAULT_TRANSFORMER, ...options.spec };
  const bytes = Readable.from(inPieces(Buffer.from(content), options.cuts));
  for await (const batch of readRecords(bytes, format, options.schema ?? TEXTS, spec)) {
    records.push(...batch.records);
    headers = batch.headers;
    unknown.push(...batch.unknownHeaders);
    warnings.push(...(batch.warnings ?? []).map(({ code }) => code));
  }
  return { records, unknown, warnings, headers };
}

/** Transforms one row of {@link KINDS}; columns that are not given are empty, but for the id. */
export function transformRow(
  values: Readonly<Record<string, string>>,
  spec: Partial<TransformerSpec> = {},
): TransformResult {
  const transform = compileTransform(KINDS, { ...DEFAULT_TRANSFORMER, ...spec });
  const given: Record<string, string> = { id: 'A-1', ...values };
  return transform({ line: 2, cells: [], values: KINDS.columns.map((column) => given[column.name] ?? null) });
}

/** The transformed value of one column, or the codes of the row's faults. */
export function cell(
  column: string,
  text: string,
  spec: Partial<TransformerSpec> = {},
  others: Readonly<Record<string, string>> = {},
): string | null | string[] {
  const result = transformRow({ ...others, [column]: text }, spec);
  if (!result.ok) return result.faults.map((fault) => fault.code);
  return result.values[KINDS.columns.findIndex(({ name }) => name === column)] ?? null;
}

/** Milliseconds that one property may take in `npm test`; PIING_FUZZ_SECONDS lets it search for longer. */
const FUZZ_MS = Number(process.env.PIING_FUZZ_SECONDS ?? 2) * 1_000;

/** Tries a property for a while; a failure prints the seed and the path that repeat it. */
export async function fuzzed<Given extends unknown[]>(
  property: fc.IAsyncPropertyWithHooks<Given>,
): Promise<void> {
  const seed = Number(process.env.PIING_FUZZ_SEED ?? Date.now() % 2 ** 31);
  await fc.assert(property, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: FUZZ_MS,
    markInterruptAsFailure: false,
  });
}
