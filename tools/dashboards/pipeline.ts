import type { BoardSpec } from './board.ts';
import { quantiles, rate, series } from './expressions.ts';

/** Every worker reports the same of the queue. */
const ofQueue = (by: string, metric: string) => `max by (${by}) (${series(metric)})`;

export const pipeline: BoardSpec = {
  uid: 'piing-pipeline',
  title: 'Pipeline',
  description:
    'From the queue to the rows: what waits and for how long, what is made of it, and what the stores say.',
  rows: [
    {
      title: 'Queue',
      panels: [
        {
          title: 'Jobs by state',
          description:
            'delayed: between two tries; dead: given up after every try, until somebody runs them again.',
          unit: 'short',
          width: 8,
          queries: [{ expr: ofQueue('namespace, state', 'piing_jobs'), legend: '{{namespace}} {{state}}' }],
        },
        {
          title: 'Age of what waits',
          description:
            'first in line: could run and does not; unprocessed: since its acknowledgement, whatever keeps it. Never above 15 minutes.',
          unit: 's',
          width: 8,
          thresholds: [
            { value: null, color: 'green' },
            { value: 900, color: 'red' },
          ],
          queries: [
            { expr: ofQueue('namespace', 'piing_oldest_job_seconds'), legend: '{{namespace}} first in line' },
            {
              expr: ofQueue('namespace', 'piing_oldest_unprocessed_seconds'),
              legend: '{{namespace}} unprocessed',
            },
          ],
        },
        {
          title: 'Wait before a run',
          description: 'The 95th percentile by lane: small files, large ones, and replays, which give way.',
          unit: 's',
          width: 8,
          queries: quantiles('piing_job_wait_seconds', [0.95], 'lane'),
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          title: 'Runs',
          description: 'started: each try; retries: those that ended in a transient fault.',
          unit: 'ops',
          width: 8,
          queries: [
            { expr: rate('namespace', 'piing_processing_started_total'), legend: '{{namespace}} started' },
            { expr: rate('namespace', 'piing_processing_retries_total'), legend: '{{namespace}} retries' },
            { expr: rate('namespace', 'piing_dead_letters_total'), legend: '{{namespace}} dead letters' },
          ],
        },
        {
          title: 'Files being processed',
          description: 'By worker. Each takes PIING_WORKER_CONCURRENCY, and one small file more.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${series('piing_processing_in_progress')})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
        {
          title: 'Time of a run',
          description: 'From reading the object to the committed rows.',
          unit: 's',
          width: 8,
          queries: quantiles('piing_processing_duration_seconds', [0.5, 0.95, 0.99]),
        },
        {
          title: 'Final statuses by schema type',
          description: 'What became of the files of each schema type.',
          unit: 'ops',
          look: 'stacked',
          queries: [
            {
              expr: rate('schema_type, status', 'piing_processed_uploads_total'),
              legend: '{{schema_type}} {{status}}',
            },
          ],
        },
        {
          title: 'Failures by code',
          description:
            'Why files ended FAILED. PROCESSING_FAILED is our fault, the others are in the file: docs/api/errors.md.',
          unit: 'ops',
          queries: [{ expr: rate('code', 'piing_failed_uploads_total'), legend: '{{code}}' }],
        },
        {
          title: 'Rows',
          description: 'loaded, unchanged (there already, or older than what is there), rejected.',
          unit: 'ops',
          look: 'stacked',
          queries: [{ expr: rate('outcome', 'piing_rows_total'), legend: '{{outcome}}' }],
        },
        {
          title: 'Since the last processed file',
          description: 'By namespace. At night this may be long; with a queue it should not.',
          unit: 's',
          queries: [
            {
              expr: `time() - max by (namespace) (${series('piing_last_processed_timestamp_seconds')} > 0)`,
              legend: '{{namespace}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Stores',
      panels: [
        {
          title: 'Raw store: time of operations',
          description: 'The 95th percentile. read: until the first bytes of an object.',
          unit: 's',
          width: 8,
          queries: quantiles('piing_store_operation_duration_seconds', [0.95], 'operation'),
        },
        {
          title: 'Raw store: failures',
          description: 'Operations that failed. Anything but 0 is worth a look.',
          unit: 'ops',
          width: 8,
          queries: [{ expr: rate('operation', 'piing_store_failures_total'), legend: '{{operation}}' }],
        },
        {
          title: 'Database connections',
          description: 'Of all processes, by state. waiting: work that waits for a connection.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (database, state) (${series('piing_database_connections')})`,
              legend: '{{database}} {{state}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Telling and tidying',
      panels: [
        {
          title: 'Webhook attempts',
          description: 'DELIVERED, or what went wrong. Each message is tried again for days.',
          unit: 'ops',
          width: 8,
          queries: [{ expr: rate('result', 'piing_webhook_attempts_total'), legend: '{{result}}' }],
        },
        {
          title: 'Webhook messages',
          description: 'delivered, or given up after every try.',
          unit: 'ops',
          width: 8,
          queries: [{ expr: rate('outcome', 'piing_webhook_deliveries_total'), legend: '{{outcome}}' }],
        },
        {
          title: 'Removed by retention, swept',
          description:
            'In the last day: what retention removed by kind, and what dead processes had left unfinished.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (kind) (increase(${series('piing_retention_removed_total')}[1d]))`,
              legend: '{{kind}}',
            },
            { expr: `sum(increase(${series('piing_swept_uploads_total')}[1d]))`, legend: 'swept uploads' },
          ],
        },
      ],
    },
  ],
};
