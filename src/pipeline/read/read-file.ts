import { addAbortSignal } from 'node:stream';
import { compileHeaderMatcher } from '../../schemas/header.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import type { RawStore } from '../../storage/raw-store.ts';
import type { RecordBatch } from '../records.ts';
import { readCsv } from './csv.ts';
import { decodeUtf8 } from './decode.ts';
import { readJson } from './json.ts';

type Format = 'csv' | 'json';

/** The records of a file's bytes, by its format. @throws {FileFault} */
export function readRecords(
  bytes: AsyncIterable<Uint8Array>,
  format: Format,
  schema: SchemaType,
  spec: TransformerSpec,
): AsyncIterable<RecordBatch> {
  const matcher = compileHeaderMatcher(schema, spec);
  const text = decodeUtf8(bytes);
  if (format === 'csv') return readCsv(text, matcher);
  return readJson(text, matcher, matcher.slots);
}

/** The records of a stored file. @throws {FileFault} @throws {ObjectNotFoundError} @throws {StoreUnavailableError} */
export async function* readFileRecords(
  store: RawStore,
  file: { readonly objectKey: string; readonly format: Format },
  schema: SchemaType,
  spec: TransformerSpec,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  const object = addAbortSignal(signal, await store.read(file.objectKey));
  try {
    yield* readRecords(object, file.format, schema, spec);
  } finally {
    object.destroy();
  }
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
