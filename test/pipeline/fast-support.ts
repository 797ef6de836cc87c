import assert from 'node:assert/strict';
import type { EncodedBatch } from '../../src/pipeline/encode/batches.ts';
import { judgeAll, type RowMaker } from '../../src/pipeline/encode/batches.ts';
import { encodeFile } from '../../src/pipeline/encode/encode-file.ts';
import { RowEncoder } from '../../src/pipeline/encode/row-encoder.ts';
import { type Format, readRecords } from '../../src/pipeline/read/read-file.ts';
import { compileTransform } from '../../src/pipeline/transform/compile.ts';
import { type Fault, FileFault } from '../../src/schemas/faults.ts';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { inPieces, KINDS } from './support.ts';

const PREFIX = Buffer.from('prefix');

/** Everything that can be told of a file after it has been read. */
export interface Outcome {
  readonly rows: readonly string[];
  readonly lines: readonly number[];
  readonly rejections: readonly unknown[];
  readonly leftOut: number;
  readonly headers: readonly string[];
  readonly unknown: readonly string[];
  readonly warnings: readonly unknown[];
  readonly fault: Fault | undefined;
}

interface TestFile {
  readonly format: Format;
  readonly spec: TransformerSpec;
  /** The same pieces for both ways. */
  readonly pieces: readonly Uint8Array[];
}

export function fileOf(
  format: Format,
  content: Buffer,
  spec: Partial<TransformerSpec>,
  cuts: readonly number[],
): TestFile {
  return { format, spec: { ...DEFAULT_TRANSFORMER, ...spec }, pieces: [...inPieces(content, cuts)] };
}

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

const BYTE_FAULTS: readonly unknown[] = ['INVALID_UTF8', 'NUL_BYTE', 'UTF16', 'UTF32', 'NOT_TEXT'];

/**
 * Both ways come to the same end. Of a file with two faults, one of them in its bytes, either may be told: the
 * readers look ahead by different lengths.
 */
export async function assertSame(file: TestFile): Promise<void> {
  assertAlike(await asEncoded(file), await asJudged(file));
}

export function assertAlike(one: Outcome, other: Outcome): void {
  const codes = [one.fault?.code, other.fault?.code];
  if (codes.some((code) => BYTE_FAULTS.includes(code)) && codes[0] !== codes[1])
    assert.ok(one.fault && other.fault);
  else assert.deepEqual(one, other);
}

/** By the scanner and the encoders. */
export function asEncoded({ format, spec, pieces }: TestFile): Promise<Outcome> {
  // Pieces as small as they come, so that every cut is met.
  return collect(encodeFile(streamed(pieces), { format, schema: KINDS, spec, prefix: PREFIX }, 1));
}

/** By the reference reader and the transformer. */
export function asJudged({ format, spec, pieces }: TestFile): Promise<Outcome> {
  const maker: RowMaker = {
    encoder: new RowEncoder(KINDS, spec, PREFIX),
    transform: compileTransform(KINDS, spec),
  };
  return collect(judgeAll(maker, readRecords(streamed(pieces), format, KINDS, spec)));
}

async function collect(batches: AsyncIterable<EncodedBatch>): Promise<Outcome> {
  const outcome = {
    rows: [] as string[],
    lines: [] as number[],
    rejections: [] as unknown[],
    leftOut: 0,
    headers: [] as readonly string[],
    unknown: [] as string[],
    warnings: [] as unknown[],
    fault: undefined as Fault | undefined,
  };
  try {
    for await (const { headers, rows, rejections, leftOut, unknownHeaders, warnings } of batches) {
      outcome.leftOut += leftOut;
      if (headers.length > 0) outcome.headers = headers;
      outcome.unknown.push(...unknownHeaders);
      outcome.warnings.push(...warnings);
      for (const { record, faults } of rejections)
        outcome.rejections.push({ line: record.line, cells: record.cells, faults });
      for (let row = 0; row < rows.count; row += 1) {
        const bytes = rows.bytes.subarray(rows.startOf(row), rows.endOf(row));
        outcome.rows.push(bytes.toString('hex'));
        outcome.lines.push(Number(bytes.readBigInt64BE(PREFIX.length + 4)));
      }
    }
  } catch (error) {
    assert.ok(error instanceof FileFault, `${error}`);
    // What came before a fault of the whole file is forgotten with it.
    return {
      ...outcome,
      rows: [],
      lines: [],
      rejections: [],
      leftOut: 0,
      warnings: [],
      unknown: [],
      headers: [],
      fault: error.fault,
    };
  }
  return outcome;
}
