import { consumeJobs, type JobConsumer } from '../database/job-consumer.ts';
import { inTransaction } from '../database/pool.ts';
import { giveUp, type PipelineOptions, processUpload } from './process-upload.ts';
import { cancelProcessing } from './progress.ts';

export interface WorkerOptions extends PipelineOptions {
  readonly databaseUrl: string;
  readonly concurrency: number;
  readonly organizationConcurrency: number;
}

/** Runs the pipeline on acknowledged uploads until closed, which lets running ones finish for a while. */
export function startWorker(options: WorkerOptions): JobConsumer {
  const { databaseUrl, control, logger, metrics, concurrency, organizationConcurrency } = options;
  return consumeJobs({
    url: databaseUrl,
    pool: control,
    logger,
    metrics,
    concurrency,
    organizationConcurrency,
    process: ({ uploadId }, signal) => processUpload(options, uploadId, signal),
    giveUp: ({ uploadId }) => giveUp(options, uploadId),
    cancelled: async ({ uploadId }) => {
      if (!(await inTransaction(control, (client) => cancelProcessing(client, uploadId)))) return;
      metrics.processed.inc({ status: 'FAILED' });
      logger.info({ uploadId }, 'processing cancelled');
    },
  });
}
