import { inAbortableTransaction } from '../database/abortable-transaction.ts';
import type { Pool } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import { type Fault, FileFault } from '../schemas/faults.ts';
import type { SchemaType } from '../schemas/schema-type.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import { ObjectNotFoundError, type RawStore, rejectReportKey } from '../storage/raw-store.ts';
import type { UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { inSpan, noTraces, type Span, type Traces } from '../telemetry/traces.ts';
import { countResult } from './count-result.ts';
import { encodeFile } from './encode/encode-file.ts';
import { rowPrefix } from './encode/row-prefix.ts';
import { type LoadOutcome, loadFile } from './load/load-file.ts';
import { finishProcessing, type ProcessingUpload, type Result, startProcessing } from './progress.ts';
import { readRecords } from './read/read-file.ts';
import { streamObject } from './read/stream-object.ts';
import { RejectReport, reportRoom } from './reject-report.ts';

export interface PipelineOptions {
  readonly control: Pool;
  readonly analytics: Pool;
  readonly store: RawStore;
  readonly catalogue: Catalogue;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Default: none. */
  readonly traces?: Traces;
}

/**
 * Takes one acknowledged upload from its raw object to its final status. Safe to run twice and at the same time.
 * Resolves when the status is final; rejects for a transient fault, to be tried again.
 */
export async function processUpload(
  options: PipelineOptions,
  id: UploadId,
  signal: AbortSignal,
  span?: Span,
): Promise<void> {
  const upload = await startProcessing(options.control, id);
  if (!upload) return;
  const { metrics, traces = noTraces } = options;
  const { organizationId, clientId, schemaType } = upload;
  span?.set({ 'piing.organization_id': organizationId, 'piing.schema_type': schemaType });
  const context = { uploadId: id, organizationId, clientId, schemaType, ...span?.logFields };
  const logger = options.logger.child(context);
  const stopTimer = metrics.processingSeconds.startTimer();
  metrics.processingStarted.inc();
  metrics.processingInProgress.inc();
  let result: Result;
  let seconds: number;
  try {
    result = await inSpan(traces, 'load rows', { parent: span }, () => run(options, upload, signal));
  } catch (error) {
    const fault = permanentFault(error);
    if (!fault) throw error;
    result = failed(fault);
  } finally {
    seconds = stopTimer();
    metrics.processingInProgress.dec();
  }
  const finished = await inSpan(traces, 'record result', { parent: span }, () =>
    finishProcessing(options.control, id, result),
  );
  if (!finished) return;
  if (!result.hasReport) await discardReport(options, upload, logger);
  countResult(metrics, { ...finished, result });
  const { status, rows, faults } = result;
  span?.set({ 'piing.status': status });
  logger.info(
    { status, rows, firstError: faults[0]?.code, seconds: Math.round(seconds * 1000) / 1000 },
    'upload processed',
  );
}

/** After the last try: the upload ends FAILED, and `piing uploads retry` may run it again. */
export async function giveUp(options: PipelineOptions, id: UploadId): Promise<void> {
  const message =
    'The file could not be processed because of a fault on our side. Nothing is wrong with it: it can be run again.';
  const fault: Fault = { line: null, column: null, code: 'PROCESSING_FAILED', message, value: null };
  const finished = await finishProcessing(options.control, id, { ...failed(fault), retryable: true });
  if (!finished) return;
  countResult(options.metrics, { ...finished, result: failed(fault) });
  options.logger.error({ uploadId: id }, 'processing given up after every retry');
}

async function run(options: PipelineOptions, upload: ProcessingUpload, signal: AbortSignal): Promise<Result> {
  const { schema, spec } = target(options.catalogue, upload);
  const { store } = options;
  const report = new RejectReport(
    store.create(rejectReportKey(upload.objectKey)),
    reportRoom(upload.sizeBytes),
  );
  const { organizationId, schemaType, receivedAt } = upload;
  const subject = { organizationId, uploadId: upload.id, schemaType, table: schema.table, receivedAt };
  const prefix = rowPrefix(subject, schema.columns.length);
  const encoding = { format: upload.format, schema, spec, prefix };
  try {
    const outcome = await inAbortableTransaction(options.analytics, signal, async (client) => {
      const loaded = await loadFile({
        client,
        schema,
        spec,
        subject,
        repeats: upload.repeats,
        prefixBytes: prefix.length,
        encode: () => streamObject(store, upload.objectKey, signal, (bytes) => encodeFile(bytes, encoding)),
        read: () =>
          streamObject(store, upload.objectKey, signal, (bytes) =>
            readRecords(bytes, upload.format, schema, spec),
          ),
        report,
      });
      // The report is whole before the rows are there, so that no run leaves rows without their report.
      await report.end();
      return loaded;
    });
    return finished(outcome, report);
  } catch (error) {
    await report.abort();
    throw error;
  }
}

/** One that an earlier run left, when the file was read in another way. Nobody has to wait for it. */
async function discardReport(
  { store }: PipelineOptions,
  upload: ProcessingUpload,
  logger: Logger,
): Promise<void> {
  await store.discard(rejectReportKey(upload.objectKey)).catch((error: unknown) => {
    logger.warn({ err: error }, 'the reject report of an earlier run could not be removed');
  });
}

function target(
  catalogue: Catalogue,
  upload: ProcessingUpload,
): { schema: SchemaType; spec: TransformerSpec } {
  const schema = catalogue.get(upload.schemaType);
  if (!schema || !upload.transformer) {
    throw new FileFault(
      'SCHEMA_NOT_ENABLED',
      `${upload.schemaType} was disabled for your organization before the file was processed.`,
    );
  }
  return { schema, spec: upload.transformer };
}

function permanentFault(error: unknown): Fault | undefined {
  if (error instanceof FileFault) return error.fault;
  if (!(error instanceof ObjectNotFoundError)) return undefined;
  const message = 'The stored file is missing. Send it again, and tell your Piing administrator.';
  return { line: null, column: null, code: 'RAW_FILE_MISSING', message, value: null };
}

function failed(fault: Fault): Result {
  return {
    status: 'FAILED',
    rows: undefined,
    faults: [fault],
    warnings: [],
    retryable: fault.code === 'SCHEMA_NOT_ENABLED',
    hasReport: false,
  };
}

function finished({ rows, faults, warnings }: LoadOutcome, report: RejectReport): Result {
  const nothingUsable = rows.rejected > 0 && rows.rejected === rows.total;
  const status = nothingUsable ? 'FAILED' : rows.rejected > 0 ? 'PARTIALLY_COMPLETED' : 'COMPLETED';
  const all = [...warnings, ...report.warnings];
  return { status, rows, faults, warnings: all, retryable: false, hasReport: report.rows > 0 };
}
