import { type Definer, SECONDS_BUCKETS } from './define.ts';

const LANES = ['small', 'large', 'replay'];

export type QueueMetrics = ReturnType<typeof queueMetrics>;
export type PipelineMetrics = ReturnType<typeof pipelineMetrics>;
export type WebhookMetrics = ReturnType<typeof webhookMetrics>;
export type UpkeepMetrics = ReturnType<typeof upkeepMetrics>;

/** The same from every worker: ask for the maximum over them. */
export function queueMetrics({ counter, gauge, histogram }: Definer) {
  return {
    jobs: gauge('piing_jobs', 'Jobs in the queue, by state; delayed: until the next try', {
      state: ['waiting', 'delayed', 'running', 'dead'],
    }),
    oldestJobSeconds: gauge(
      'piing_oldest_job_seconds',
      'How long the first of the jobs that could run has waited',
    ),
    oldestUnprocessedSeconds: gauge(
      'piing_oldest_unprocessed_seconds',
      'Age of the oldest acknowledged file without a final status, whatever the reason; without files that are run again',
    ),
    jobWaitSeconds: histogram(
      'piing_job_wait_seconds',
      'Time from when a job could run to when it did',
      SECONDS_BUCKETS,
      { lane: LANES },
    ),
    retries: counter(
      'piing_processing_retries_total',
      'Runs that ended in a transient fault or with their worker',
    ),
    deadLetters: counter('piing_dead_letters_total', 'Jobs that used up their tries'),
  };
}

export function pipelineMetrics({ counter, gauge, histogram }: Definer, schemaTypes: readonly string[]) {
  return {
    processingStarted: counter('piing_processing_started_total', 'Runs of the pipeline that began'),
    processingInProgress: gauge('piing_processing_in_progress', 'Files being processed now'),
    processed: counter('piing_processed_uploads_total', 'Uploads that got their final status, by status', {
      status: ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'],
      schema_type: schemaTypes,
    }),
    failures: counter(
      'piing_failed_uploads_total',
      'Uploads that ended FAILED, by the code of the first error',
      {
        code: [],
      },
    ),
    rows: counter('piing_rows_total', 'Rows by outcome', { outcome: ['loaded', 'unchanged', 'rejected'] }),
    processingSeconds: histogram(
      'piing_processing_duration_seconds',
      'Time that one run of the pipeline took',
      SECONDS_BUCKETS,
    ),
    endToEndSeconds: histogram(
      'piing_upload_latency_seconds',
      'Time from the acknowledgement, or from being asked to run again, to the final status; without replays',
      SECONDS_BUCKETS,
    ),
    lastProcessed: gauge(
      'piing_last_processed_timestamp_seconds',
      'When this process last brought a file to its final status; 0: never',
    ),
  };
}

export function webhookMetrics({ counter, gauge, histogram }: Definer) {
  return {
    webhookAttemptsInProgress: gauge('piing_webhook_attempts_in_progress', 'Webhook messages being sent now'),
    webhookDeliveries: counter('piing_webhook_deliveries_total', 'Webhook messages that ended, by outcome', {
      outcome: ['delivered', 'given_up'],
    }),
    webhookAttempts: counter(
      'piing_webhook_attempts_total',
      'Attempts to deliver a webhook message: DELIVERED, or the code of what went wrong',
      { result: [] },
    ),
    webhookAttemptSeconds: histogram(
      'piing_webhook_attempt_duration_seconds',
      'Time from looking up the name to the answer',
      SECONDS_BUCKETS,
    ),
    webhookLastDelivered: gauge(
      'piing_webhook_last_delivered_timestamp_seconds',
      'When this process last delivered a webhook message; 0: never',
    ),
  };
}

/** What workers do beside their work. */
export function upkeepMetrics({ counter, gauge }: Definer) {
  return {
    swept: counter('piing_swept_uploads_total', 'Unfinished uploads of dead processes that were cleaned up'),
    retentionRemoved: counter('piing_retention_removed_total', 'What was removed because its time was over', {
      kind: [],
    }),
    retentionLastSuccess: gauge(
      'piing_retention_last_success_timestamp_seconds',
      'When retention last ran to its end, as seen by this process; 0: not yet',
    ),
  };
}
