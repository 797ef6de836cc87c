import { compileHeaderMatcher } from '../../schemas/header.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { CsvRows } from '../read/csv-rows.ts';
import { checkUtf8 } from '../read/decode.ts';
import { JsonReader } from '../read/json.ts';
import type { Format } from '../read/read-file.ts';
import { compileTransform } from '../transform/compile.ts';
import type { EncodedBatch } from './batches.ts';
import { encodeCsv } from './encode-csv.ts';
import { encodeJson } from './encode-json.ts';
import { RowEncoder } from './row-encoder.ts';

/** Readers look at a record that is cut by the end of a piece again from its beginning. */
const LEAST_PIECE_BYTES = 32 * 1024;

/** How the files of one enablement become rows for COPY. */
export interface Encoding {
  readonly format: Format;
  readonly schema: SchemaType;
  readonly spec: TransformerSpec;
  /** What every row begins with. */
  readonly prefix: Buffer;
}

/** A file's rows, ready for COPY. @throws {FileFault} */
export function encodeFile(
  bytes: AsyncIterable<Uint8Array>,
  { format, schema, spec, prefix }: Encoding,
  leastPieceBytes = LEAST_PIECE_BYTES,
): AsyncIterable<EncodedBatch> {
  const maker = { encoder: new RowEncoder(schema, spec, prefix), transform: compileTransform(schema, spec) };
  const matcher = compileHeaderMatcher(schema, spec);
  const checked = checkUtf8(bytes, leastPieceBytes);
  const { slots } = matcher;
  if (format === 'csv') return encodeCsv(checked, new CsvRows(matcher), maker, slots.length);
  return encodeJson(checked, new JsonReader(matcher, slots), maker, slots.length);
}
