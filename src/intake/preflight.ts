import type { SchemaType } from '../schemas/schema-type.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import type { FileFormat } from './uploads.ts';

/**
 * Looks at a file's first record while the rest is still arriving, with the pipeline's own reader.
 * The pipeline provides it; intake only knows when to ask.
 * @throws {FileFault} when the file cannot be processed whatever follows
 */
export type HeaderAwarePreflight = (
  bytes: AsyncIterable<Uint8Array>,
  format: FileFormat,
  schema: SchemaType,
  transformer: TransformerSpec,
) => Promise<void>;
