import type { PoolClient } from '../../database/pool.ts';
import type { RowCounts, Warning } from '../../intake/uploads.ts';
import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import type { EncodedBatch } from '../encode/batches.ts';
import type { RecordBatch, SourceRecord } from '../records.ts';
import type { RejectReport } from '../reject-report.ts';
import { loadDirectly } from './direct-load.ts';
import { claimLoad, type LoadCounts, type LoadSubject, lockTable, recordLoad } from './ledger.ts';
import { composeLoadSql, type LoadSql } from './load-sql.ts';
import { findsKnownKey } from './probe.ts';
import { Reading } from './reading.ts';
import { Rejects } from './rejects.ts';
import { confirmRepeat, settleConfirmations } from './repeats.ts';
import { expectTolerable } from './row-errors.ts';
import { isSmallFile, mergeSmall } from './small-load.ts';
import { mergeStaged, prepareMerge, stageRows } from './staged-load.ts';

/** Rows refused for their key; beyond it the file is refused. */
const MAX_DUPLICATE_ROWS = 100_000;

export interface LoadOptions {
  /** In a transaction that the caller commits when this resolves. */
  readonly client: PoolClient;
  readonly schema: SchemaType;
  readonly spec: TransformerSpec;
  readonly subject: LoadSubject;
  /** Whether an earlier upload had the same bytes: then it is worth a look whether its rows are still there. */
  readonly repeats: boolean;
  /** Bytes of what precedes the line in every encoded row. */
  readonly prefixBytes: number;
  /** Reads the file from its beginning, as rows for COPY. */
  readonly encode: () => AsyncIterable<EncodedBatch>;
  /** Reads it as records, to quote rows that were refused for their key. */
  readonly read: () => AsyncIterable<RecordBatch>;
  readonly report: Pick<RejectReport, 'add'>;
  /** Whether a file that has come so far may end as a small one. */
  readonly isSmall?: (rows: number, bytes: number) => boolean;
}

export interface LoadOutcome {
  readonly rows: RowCounts;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Warning[];
}

/** Loads every good row of a file by the way that suits it; bad rows go to the report. @throws {FileFault} */
export async function loadFile(options: LoadOptions): Promise<LoadOutcome> {
  const load = new Load(options);
  try {
    const { loaded, unchanged } = await load.run();
    const { count: rejected, kept: faults } = load.rejects;
    const rows = { total: loaded + unchanged + rejected, loaded, unchanged, rejected };
    return { rows, faults, warnings: load.reading.warnings };
  } finally {
    await load.reading.close();
  }
}

class Load {
  readonly rejects: Rejects;
  reading: Reading;
  readonly #options: LoadOptions;
  readonly #sql: LoadSql;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#sql = composeLoadSql(options.schema, options.spec.onDuplicate);
    this.rejects = new Rejects(options.report);
    this.reading = new Reading(options.schema, options.spec, options.encode(), this.rejects);
  }

  async run(): Promise<LoadCounts> {
    const { client, schema, spec, subject, prefixBytes } = this.#options;
    const small = await this.reading.peek(this.#options.isSmall ?? isSmallFile);
    if (small && spec.onDuplicate !== 'reject') {
      this.#expectTolerable();
      await lockTable(client, subject);
      return mergeSmall(client, this.#sql, schema, subject, small, prefixBytes);
    }
    await lockTable(client, subject);
    const before = await claimLoad(client, subject);
    if (before) return this.#loadedBefore(before);
    await settleConfirmations(client, this.#sql, subject);
    const counts = (await this.#loadDirectly()) ?? (await this.#loadStaged());
    await recordLoad(client, subject, counts);
    return counts;
  }

  /** The rest of the file is read for its rejects alone. */
  async #loadedBefore(counts: LoadCounts): Promise<LoadCounts> {
    await this.reading.toEnd();
    this.#expectTolerable();
    return counts;
  }

  /** For files whose keys are all new, as far as a few of them tell. */
  async #loadDirectly(): Promise<LoadCounts | undefined> {
    const { client, schema, spec, subject, prefixBytes } = this.#options;
    if (!hasComparableKey(schema)) return undefined;
    if (await findsKnownKey(client, this.#sql, schema, subject, this.reading.ahead, prefixBytes))
      return undefined;
    const repeats = spec.onDuplicate !== 'reject';
    const counts = await loadDirectly(client, this.#sql, subject, this.reading, { repeats });
    if (counts) this.#expectTolerable();
    else await this.#startOver();
    return counts;
  }

  async #loadStaged(): Promise<LoadCounts> {
    const { client, schema, spec, subject, repeats } = this.#options;
    let staged = await stageRows(client, this.#sql, this.reading);
    if (!hasComparableKey(schema)) staged = { ...staged, unique: false };
    if (spec.onDuplicate === 'reject') {
      const removed = await this.#rejectDuplicates();
      staged = { rows: staged.rows - removed, unique: true };
    }
    this.#expectTolerable();
    await prepareMerge(client, this.#sql, staged);
    if (repeats && staged.unique && spec.onDuplicate === 'update') {
      const known = await confirmRepeat(client, this.#sql, subject, staged.rows);
      if (known) return { loaded: 0, unchanged: staged.rows };
    }
    return mergeStaged(client, this.#sql, subject, staged, spec.onDuplicate === 'ignore');
  }

  async #startOver(): Promise<void> {
    await this.reading.close();
    this.rejects.startOver();
    this.reading = new Reading(
      this.#options.schema,
      this.#options.spec,
      this.#options.encode(),
      this.rejects,
    );
  }

  #expectTolerable(): void {
    expectTolerable(this.#options.spec, this.rejects.count, this.rejects.kept[0]);
  }

  /** `onDuplicate: reject`: the rows leave staging, and a second reading of the file quotes them in the report. */
  async #rejectDuplicates(): Promise<number> {
    const { client, subject, schema, read } = this.#options;
    const { organizationId, uploadId } = subject;
    const found = await client.query<{ line: number }>(this.#sql.findDuplicates, [organizationId, uploadId]);
    if (found.rows.length === 0) return 0;
    if (found.rows.length > MAX_DUPLICATE_ROWS) {
      throw new FileFault(
        'DUPLICATE_ROWS',
        `${found.rows.length} rows repeat keys that are already there. Send only new rows.`,
      );
    }
    const lines = new Set(found.rows.map((row) => row.line));
    await client.query(this.#sql.removeLines, [[...lines]]);
    for await (const { headers, records } of read()) {
      for (const record of records) {
        if (lines.has(record.line)) await this.rejects.add(headers, record, [duplicateRow(schema, record)]);
      }
    }
    return lines.size;
  }
}

/** jsonb has many texts for one value, so its bytes do not tell whether two keys are equal. */
function hasComparableKey(schema: SchemaType): boolean {
  return schema.columns.every(({ name, type }) => type !== 'object' || !schema.naturalKey.includes(name));
}

function duplicateRow(schema: SchemaType, record: SourceRecord): Fault {
  const key = schema.naturalKey.join(', ');
  const values = schema.naturalKey.map(
    (name) => record.values[schema.columns.findIndex((column) => column.name === name)] ?? '',
  );
  const message = `A row with the same ${key} is already there, and repeated rows are refused for this schema type.`;
  return {
    line: record.line,
    column: schema.naturalKey.at(-1) ?? null,
    code: 'DUPLICATE_ROW',
    message,
    value: values.join(', ').slice(0, 100),
  };
}
