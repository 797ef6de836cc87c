import type { PoolClient } from '../../database/pool.ts';
import type { RowCounts, Warning } from '../../intake/uploads.ts';
import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { SchemaType } from '../../schemas/schema-type.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';
import { LEFT_OUT, type RecordBatch, type SourceRecord, type Transform } from '../records.ts';
import type { RejectReport } from '../reject-report.ts';
import { lockTable, type MergeSubject, mergeStaged } from './merge.ts';
import { composeMergeSql } from './merge-sql.ts';
import { expectTolerable, rowsLeftOut } from './row-errors.ts';
import { StagingCopy } from './staging-copy.ts';

/** Faults kept with the upload; the reject report has them all. */
const MAX_KEPT_FAULTS = 1_000;
/** Rows refused for their key; beyond it the file is refused. */
const MAX_DUPLICATE_ROWS = 100_000;
const MAX_NAMED_COLUMNS = 20;

export interface LoadOptions {
  /** In a transaction that the caller commits when this resolves. */
  readonly client: PoolClient;
  readonly schema: SchemaType;
  readonly spec: TransformerSpec;
  readonly subject: MergeSubject;
  readonly transform: Transform;
  /** Reads the file from its beginning; called again only to quote rows that were refused for their key. */
  readonly read: () => AsyncIterable<RecordBatch>;
  readonly report: RejectReport;
}

export interface LoadOutcome {
  readonly rows: RowCounts;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Warning[];
}

/** Stages every good row of a file and merges them; bad rows go to the report. @throws {FileFault} */
export async function loadFile(options: LoadOptions): Promise<LoadOutcome> {
  const { client, schema, spec, subject } = options;
  const sql = composeMergeSql(schema, spec.onDuplicate);
  const rejects = new Rejects(options.report);
  await client.query(sql.createStaging);
  const staging = new StagingCopy(client, sql.copy);
  let warnings: Warning[];
  try {
    warnings = await stageRows(options, staging, rejects);
    await staging.end();
  } catch (error) {
    await staging.abort();
    throw error;
  }
  await lockTable(client, subject);
  if (spec.onDuplicate === 'reject') await rejectDuplicates(options, sql.findDuplicates, rejects);
  expectTolerable(spec, rejects.count, rejects.kept[0]);
  const { loaded, unchanged } = await mergeStaged(client, sql, subject);
  const rows = { total: loaded + unchanged + rejects.count, loaded, unchanged, rejected: rejects.count };
  return { rows, faults: rejects.kept, warnings };
}

/** Counts bad rows, keeps the first faults and hands every row to the report. */
class Rejects {
  readonly kept: Fault[] = [];
  count = 0;
  readonly #report: RejectReport;

  constructor(report: RejectReport) {
    this.#report = report;
  }

  async add(headers: readonly string[], record: SourceRecord, faults: readonly Fault[]): Promise<void> {
    this.count += 1;
    if (this.kept.length < MAX_KEPT_FAULTS)
      this.kept.push(...faults.slice(0, MAX_KEPT_FAULTS - this.kept.length));
    await this.#report.add(headers, record, faults);
  }
}

async function stageRows(options: LoadOptions, staging: StagingCopy, rejects: Rejects): Promise<Warning[]> {
  const unknown: string[] = [];
  const warnings: Warning[] = [];
  let leftOut = 0;
  for await (const { headers, records, unknownHeaders, warnings: remarks = [] } of options.read()) {
    unknown.push(...unknownHeaders);
    warnings.push(...remarks);
    for (const record of records) {
      const result = record.fault ? undefined : options.transform(record);
      if (result?.ok) {
        const flushed = staging.add(record.line, result.values);
        if (flushed) await flushed;
      } else if (result === LEFT_OUT) {
        leftOut += 1;
      } else {
        await rejects.add(headers, record, result ? result.faults : record.fault ? [record.fault] : []);
      }
    }
  }
  if (leftOut > 0) warnings.unshift(rowsLeftOut(options.spec, leftOut));
  if (unknown.length > 0) warnings.unshift(unknownColumns(options.schema, unknown));
  return warnings;
}

function unknownColumns(schema: SchemaType, headers: readonly string[]): Warning {
  const named = headers.slice(0, MAX_NAMED_COLUMNS).map((header) => `"${header.slice(0, 100)}"`);
  const more = headers.length > named.length ? ` and ${headers.length - named.length} more` : '';
  const message = `${schema.name} has no columns for ${named.join(', ')}${more}: they were not loaded.`;
  return { code: 'UNKNOWN_COLUMNS', message };
}

/** `onDuplicate: reject`: the rows leave staging, and a second reading of the file quotes them in the report. */
async function rejectDuplicates(
  options: LoadOptions,
  findDuplicates: string,
  rejects: Rejects,
): Promise<void> {
  const { client, subject, schema } = options;
  const found = await client.query<{ line: number }>(findDuplicates, [
    subject.organizationId,
    subject.uploadId,
  ]);
  if (found.rows.length === 0) return;
  if (found.rows.length > MAX_DUPLICATE_ROWS) {
    throw new FileFault(
      'DUPLICATE_ROWS',
      `${found.rows.length} rows repeat keys that are already there. Send only new rows.`,
    );
  }
  const lines = new Set(found.rows.map((row) => row.line));
  await client.query('DELETE FROM pg_temp.staging WHERE _line = ANY($1::bigint[])', [[...lines]]);
  for await (const { headers, records } of options.read()) {
    for (const record of records) {
      if (lines.has(record.line)) await rejects.add(headers, record, [duplicateRow(schema, record)]);
    }
  }
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
