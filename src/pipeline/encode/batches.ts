import type { Warning } from '../../intake/uploads.ts';
import type { Fault } from '../../schemas/faults.ts';
import { LEFT_OUT, type RecordBatch, type SourceRecord, type Transform } from '../records.ts';
import { CopyRows } from './copy-rows.ts';
import type { RowEncoder } from './row-encoder.ts';

/** A row that may not be loaded, and why. */
export interface Rejection {
  readonly record: SourceRecord;
  readonly faults: readonly Fault[];
}

/** The rows of about one chunk of a file: the good ones ready for COPY, the others with their faults. */
export interface EncodedBatch {
  readonly headers: readonly string[];
  readonly rows: CopyRows;
  readonly rejections: readonly Rejection[];
  /** Rows that the enablement does not load. */
  readonly leftOut: number;
  /** Headers or keys first met in this batch that no column goes by. */
  readonly unknownHeaders: readonly string[];
  readonly warnings: readonly Warning[];
}

/** What turns rows into bytes: the encoder for those in plain form, the transformer as the judge of all others. */
export interface RowMaker {
  readonly encoder: RowEncoder;
  readonly transform: Transform;
}

/** Rows as they are being made. */
export class OpenBatch {
  readonly rows: CopyRows;
  readonly rejections: Rejection[] = [];
  leftOut = 0;

  constructor(capacity: number) {
    this.rows = new CopyRows(capacity);
  }

  get isEmpty(): boolean {
    return this.rows.count === 0 && this.rejections.length === 0 && this.leftOut === 0;
  }

  /** Has the transformer judge a row. */
  judge({ encoder, transform }: RowMaker, record: SourceRecord): void {
    const result = record.fault ? undefined : transform(record);
    if (result?.ok) encoder.encodeValues(this.rows, result.values, record.line);
    else if (result === LEFT_OUT) this.leftOut += 1;
    else
      this.rejections.push({ record, faults: result ? result.faults : record.fault ? [record.fault] : [] });
  }
}

/** Bytes that a batch begins with. */
const CAPACITY = 64 * 1024;

/** The slow way for a whole file: every row through the transformer. */
export async function* judgeAll(
  maker: RowMaker,
  batches: AsyncIterable<RecordBatch>,
): AsyncGenerator<EncodedBatch> {
  for await (const { headers, records, unknownHeaders, warnings = [] } of batches) {
    const batch = new OpenBatch(CAPACITY);
    for (const record of records) batch.judge(maker, record);
    const { rows, rejections, leftOut } = batch;
    yield { headers, rows, rejections, leftOut, unknownHeaders, warnings };
  }
}
