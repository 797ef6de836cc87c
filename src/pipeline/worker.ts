import { consumeJobs } from '../database/job-queue.ts';
import { giveUp, type PipelineOptions, processUpload } from './process-upload.ts';

export interface WorkerOptions extends PipelineOptions {
  readonly databaseUrl: string;
  readonly concurrency: number;
  readonly organizationConcurrency: number;
}

/** Runs the pipeline on acknowledged uploads until closed, which lets running ones finish for a while. */
export async function startWorker(
  options: WorkerOptions,
): Promise<{ close(graceMs: number): Promise<void> }> {
  return consumeJobs({
    url: options.databaseUrl,
    logger: options.logger,
    concurrency: options.concurrency,
    organizationConcurrency: options.organizationConcurrency,
    process: ({ uploadId }, signal) => processUpload(options, uploadId, signal),
    giveUp: ({ uploadId }) => giveUp(options, uploadId),
  });
}
