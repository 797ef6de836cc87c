import { compileHeaderMatcher } from '../../schemas/header.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import type { RecordBatch } from '../records.ts';
import { readCsv } from './csv.ts';
import { CsvRows } from './csv-rows.ts';
import { checkUtf8, decodeUtf8 } from './decode.ts';
import { readJson } from './json.ts';

export type Format = 'csv' | 'json';

/** The records of a file's bytes, by its format. @throws {FileFault} */
export function readRecords(
  bytes: AsyncIterable<Uint8Array>,
  format: Format,
  schema: SchemaType,
  spec: TransformerSpec,
): AsyncIterable<RecordBatch> {
  const matcher = compileHeaderMatcher(schema, spec);
  const text = decodeUtf8(checkUtf8(bytes));
  if (format === 'csv') return readCsv(text, new CsvRows(matcher));
  return readJson(text, matcher, matcher.slots);
}

/** Reads as far as the first record: the intake's preflight. @throws {FileFault} */
export async function readFirstRecord(
  bytes: AsyncIterable<Uint8Array>,
  format: Format,
  schema: SchemaType,
  spec: TransformerSpec,
): Promise<void> {
  for await (const _batch of readRecords(bytes, format, schema, spec)) return;
}
