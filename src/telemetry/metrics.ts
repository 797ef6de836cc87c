import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Every metric of the gateway, in one registry of its own so that tests and roles do not share state. */
export interface Metrics {
  readonly registry: Registry;
  /** Ended uploads by `source` (sftp, http) and `outcome` (received, refused, abandoned). */
  readonly uploads: Counter<'source' | 'outcome'>;
  /** Refusals by stable `code`. */
  readonly refusals: Counter<'source' | 'code'>;
  readonly receivedBytes: Counter<'source'>;
  readonly uploadsInProgress: Gauge<'source'>;
  readonly logins: Counter<'source' | 'result'>;
  /** Connections, logged in or not. */
  readonly sftpSessions: Gauge;
  /** Limits that a client met, by the name of the `limit`. */
  readonly sftpLimits: Counter<'limit'>;
  /** Requests that were answered with an error, by its `code`. */
  readonly sftpRefusals: Counter<'code'>;
  /** Connections that closed without a byte: load balancers' health checks. */
  readonly sftpProbes: Counter;
  /** Received and waiting to be handled, in bytes. */
  readonly sftpBufferedBytes: Gauge;
  /** Limits that a client of the API met, by the name of the `limit`. */
  readonly httpLimits: Counter<'limit'>;
  /** Ended runs of the pipeline by the upload's final `status`. */
  readonly processed: Counter<'status'>;
  /** Rows by `outcome`: loaded, unchanged, rejected. */
  readonly rows: Counter<'outcome'>;
  readonly processingSeconds: Histogram;
  /** From acknowledged to final status: what a tenant waits. */
  readonly endToEndSeconds: Histogram;
  readonly retries: Counter;
  readonly swept: Counter;
  /** Jobs by `state`: waiting, delayed (until the next try), running, dead. The same from every worker. */
  readonly jobs: Gauge<'state'>;
  readonly oldestJobSeconds: Gauge;
  /** From when a job could run to when it did, by `lane`: small, large, replay. */
  readonly jobWaitSeconds: Histogram<'lane'>;
  /** By `kind`: raw-files, reject-reports, row-errors, upload-records, idempotency-keys. */
  readonly retentionRemoved: Counter<'kind'>;
  readonly retentionLastSuccess: Gauge;
  /** Messages that left the outbox by `outcome`: delivered, given_up. */
  readonly webhookDeliveries: Counter<'outcome'>;
  /** By `result`: DELIVERED, or the code of what went wrong. */
  readonly webhookAttempts: Counter<'result'>;
  readonly webhookAttemptSeconds: Histogram;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const metrics: Metrics = {
    registry,
    uploads: new Counter({
      name: 'piing_uploads_total',
      help: 'Uploads that ended, by outcome',
      labelNames: ['source', 'outcome'],
      registers,
    }),
    refusals: new Counter({
      name: 'piing_upload_refusals_total',
      help: 'Refused uploads by reason code',
      labelNames: ['source', 'code'],
      registers,
    }),
    receivedBytes: new Counter({
      name: 'piing_received_bytes_total',
      help: 'Bytes of files received',
      labelNames: ['source'],
      registers,
    }),
    uploadsInProgress: new Gauge({
      name: 'piing_uploads_in_progress',
      help: 'Files being received now',
      labelNames: ['source'],
      registers,
    }),
    logins: new Counter({
      name: 'piing_logins_total',
      help: 'Login attempts by result',
      labelNames: ['source', 'result'],
      registers,
    }),
    sftpSessions: new Gauge({ name: 'piing_sftp_sessions', help: 'Open SFTP connections', registers }),
    sftpLimits: new Counter({
      name: 'piing_sftp_limits_total',
      help: 'Limits that a client met, by limit',
      labelNames: ['limit'],
      registers,
    }),
    sftpRefusals: new Counter({
      name: 'piing_sftp_refusals_total',
      help: 'SFTP requests answered with an error, by code',
      labelNames: ['code'],
      registers,
    }),
    sftpProbes: new Counter({
      name: 'piing_sftp_probes_total',
      help: 'TCP connections closed without a byte, as health checks do',
      registers,
    }),
    sftpBufferedBytes: new Gauge({
      name: 'piing_sftp_buffered_bytes',
      help: 'Bytes received and waiting to be handled',
      registers,
    }),
    httpLimits: new Counter({
      name: 'piing_http_limits_total',
      help: 'Limits that a client of the API met, by limit',
      labelNames: ['limit'],
      registers,
    }),
    processed: new Counter({
      name: 'piing_processed_uploads_total',
      help: 'Uploads that left the pipeline, by status',
      labelNames: ['status'],
      registers,
    }),
    rows: new Counter({
      name: 'piing_rows_total',
      help: 'Rows by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    processingSeconds: new Histogram({
      name: 'piing_processing_duration_seconds',
      help: 'Time that one run of the pipeline took',
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    endToEndSeconds: new Histogram({
      name: 'piing_upload_latency_seconds',
      help: 'Time from acknowledged to final status',
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    retries: new Counter({
      name: 'piing_processing_retries_total',
      help: 'Pipeline runs that ended in a transient fault',
      registers,
    }),
    swept: new Counter({
      name: 'piing_swept_uploads_total',
      help: 'Unfinished uploads of dead processes that were cleaned up',
      registers,
    }),
    jobs: new Gauge({
      name: 'piing_jobs',
      help: 'Jobs in the queue, by state',
      labelNames: ['state'],
      registers,
    }),
    oldestJobSeconds: new Gauge({
      name: 'piing_oldest_job_seconds',
      help: 'How long the first of the jobs that could run has waited',
      registers,
    }),
    jobWaitSeconds: new Histogram({
      name: 'piing_job_wait_seconds',
      help: 'Time from when a job could run to when it did',
      labelNames: ['lane'],
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    retentionRemoved: new Counter({
      name: 'piing_retention_removed_total',
      help: 'What was removed because its time was over',
      labelNames: ['kind'],
      registers,
    }),
    retentionLastSuccess: new Gauge({
      name: 'piing_retention_last_success_timestamp_seconds',
      help: 'When retention last ran to its end, as seen by this process',
      registers,
    }),
    webhookDeliveries: new Counter({
      name: 'piing_webhook_deliveries_total',
      help: 'Webhook messages that ended, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'piing_webhook_attempts_total',
      help: 'Attempts to deliver a webhook message, by result',
      labelNames: ['result'],
      registers,
    }),
    webhookAttemptSeconds: new Histogram({
      name: 'piing_webhook_attempt_duration_seconds',
      help: 'Time from looking up the name to the answer',
      buckets: SECONDS_BUCKETS,
      registers,
    }),
  };
  startKnownSeriesAtZero(metrics);
  return metrics;
}

/** A counter that first appears at 1 hides its first increment from `rate()`. */
function startKnownSeriesAtZero({
  uploads,
  receivedBytes,
  uploadsInProgress,
  logins,
  processed,
  rows,
  webhookDeliveries,
}: Metrics): void {
  for (const source of ['sftp', 'http']) {
    for (const outcome of ['received', 'refused', 'abandoned']) uploads.inc({ source, outcome }, 0);
    for (const result of ['accepted', 'denied', 'error']) logins.inc({ source, result }, 0);
    receivedBytes.inc({ source }, 0);
    uploadsInProgress.set({ source }, 0);
  }
  for (const status of ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED']) processed.inc({ status }, 0);
  for (const outcome of ['loaded', 'unchanged', 'rejected']) rows.inc({ outcome }, 0);
  for (const outcome of ['delivered', 'given_up']) webhookDeliveries.inc({ outcome }, 0);
}
