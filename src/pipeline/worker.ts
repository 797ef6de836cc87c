import { consumeJobs, type JobConsumer } from '../database/job-consumer.ts';
import { inTransaction } from '../database/pool.ts';
import { inSpan, noTraces } from '../telemetry/traces.ts';
import { countResult } from './count-result.ts';
import { giveUp, type PipelineOptions, processUpload } from './process-upload.ts';
import { CANCELLED, cancelProcessing } from './progress.ts';

export interface WorkerOptions extends PipelineOptions {
  readonly databaseUrl: string;
  readonly concurrency: number;
  readonly organizationConcurrency: number;
}

/** Runs the pipeline on acknowledged uploads until closed, which lets running ones finish for a while. */
export function startWorker(options: WorkerOptions): JobConsumer {
  const { databaseUrl, control, logger, metrics, traces = noTraces } = options;
  const { concurrency, organizationConcurrency } = options;
  return consumeJobs({
    url: databaseUrl,
    pool: control,
    logger,
    metrics,
    concurrency,
    organizationConcurrency,
    process: ({ uploadId, traceparent, waitedSeconds, attempts, lane }, signal) => {
      const parent = traceparent ?? undefined;
      const startedAt = new Date(Date.now() - waitedSeconds * 1_000);
      const waited = traces.begin('wait in queue', { parent, startedAt, attributes: { 'piing.lane': lane } });
      waited.end();
      const attributes = { 'piing.upload_id': uploadId, 'piing.attempt': attempts };
      // What an administrator runs again has no trace of its receipt: its wait begins one.
      const told = { parent: parent ?? waited, kind: 'consumer', attributes } as const;
      return inSpan(traces, 'process upload', told, (span) => processUpload(options, uploadId, signal, span));
    },
    giveUp: ({ uploadId }) => giveUp(options, uploadId),
    cancelled: async ({ uploadId }) => {
      const finished = await inTransaction(control, (client) => cancelProcessing(client, uploadId));
      if (!finished) return;
      countResult(metrics, { ...finished, result: CANCELLED });
      logger.info({ uploadId }, 'processing cancelled');
    },
  });
}
