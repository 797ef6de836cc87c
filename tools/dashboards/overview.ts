import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard';
import type { BoardSpec } from './board.ts';
import { NAMESPACE, quantiles, rate, series } from './expressions.ts';
import type { PanelSpec } from './panel.ts';

const goodFrom = (objective: number): Threshold[] => [
  { value: null, color: 'red' },
  { value: objective, color: 'green' },
];

/** The share of good events in what is shown. */
function objective(title: string, description: string, share: number, expr: string): PanelSpec {
  return {
    title,
    description: `${description} Objective: ${share * 100} % in 30 days.`,
    unit: 'percentunit',
    look: 'number',
    decimals: 3,
    thresholds: goodFrom(share),
    queries: [{ expr, legend: 'good' }],
  };
}

/** How many times faster than allowed the budget burns. */
function burn(title: string, ratio: string, budget: number): PanelSpec {
  return {
    title,
    description:
      'How many times faster than evenly the error budget of 30 days is used up, over one hour and over six. ' +
      'Above 14.4 (1 h) or 6 (6 h) somebody is called.',
    unit: 'none',
    width: 8,
    thresholds: [
      { value: null, color: 'green' },
      { value: 6, color: 'orange' },
      { value: 14.4, color: 'red' },
    ],
    queries: ['1h', '6h'].map((window) => ({
      expr: `namespace:piing_${ratio}:ratio_rate${window}{${NAMESPACE}} / ${budget}`,
      legend: `{{namespace}} ${window}`,
    })),
  };
}

const increase = (metric: string, ...matchers: readonly string[]) =>
  `sum(increase(${series(metric, ...matchers)}[$__range]))`;

/** Everything of one process, with the role that it has. */
const byRole = (metric: string) =>
  `sum by (role) (${metric} * on (namespace, instance) group_left (role) ${series('piing_build_info')})`;

export const overview: BoardSpec = {
  uid: 'piing-overview',
  title: 'Service overview',
  description:
    'Whether tenants get what they were promised: the objectives, how fast their budgets burn, and the traffic.',
  from: 'now-24h',
  rows: [
    {
      title: 'Objectives, over the time that is shown',
      panels: [
        objective(
          'Logins decided',
          'Logins that were accepted or denied; a wrong secret is decided.',
          0.999,
          `1 - ${increase('piing_logins_total', 'result="error"')} / ${increase('piing_logins_total')}`,
        ),
        objective(
          'Files acknowledged',
          'Files that were taken, of those that were not refused for what is in them.',
          0.999,
          `${increase('piing_acknowledgements_total', 'result="acknowledged"')} / ${increase('piing_acknowledgements_total', 'result=~"acknowledged|error"')}`,
        ),
        objective(
          'Told within 5 minutes',
          'Uploads whose final status came within 5 minutes of the acknowledgement.',
          0.99,
          `${increase('piing_upload_latency_seconds_bucket', 'le=~"300([.]0)?"')} / ${increase('piing_upload_latency_seconds_count')}`,
        ),
        {
          title: 'Oldest unprocessed file',
          description: 'Age of the oldest acknowledged file without a final status. Never above 15 minutes.',
          unit: 's',
          look: 'number',
          thresholds: [
            { value: null, color: 'green' },
            { value: 900, color: 'red' },
          ],
          queries: [{ expr: `max(${series('piing_oldest_unprocessed_seconds')})`, legend: 'age' }],
        },
      ],
    },
    {
      title: 'Burn rates',
      panels: [
        burn('Budget burn: logins', 'logins_errors', 0.001),
        burn('Budget burn: acknowledgements', 'acknowledgements_errors', 0.001),
        burn('Budget burn: told within 5 minutes', 'uploads_late', 0.01),
      ],
    },
    {
      title: 'Traffic',
      panels: [
        {
          title: 'Files by outcome at the door',
          description:
            'Received, refused for what is in them or for a fault of ours, abandoned by their senders.',
          unit: 'ops',
          look: 'stacked',
          queries: [
            { expr: rate('source, outcome', 'piing_uploads_total'), legend: '{{source}} {{outcome}}' },
          ],
        },
        {
          title: 'Files by final status',
          description: 'What the pipeline made of the received files.',
          unit: 'ops',
          look: 'stacked',
          queries: [{ expr: rate('status', 'piing_processed_uploads_total'), legend: '{{status}}' }],
        },
        {
          title: 'From acknowledged to told',
          description: 'Time that a tenant waits for the final status of a file.',
          unit: 's',
          queries: quantiles('piing_upload_latency_seconds', [0.5, 0.95, 0.99]),
        },
        {
          title: 'From the last byte to the acknowledgement',
          description: 'Time that a client waits after it has sent everything.',
          unit: 's',
          queries: quantiles('piing_acknowledgement_duration_seconds', [0.5, 0.95], 'source'),
        },
        {
          title: 'HTTP requests',
          description:
            'By route and class of the status. 5xx is ours; 4xx is told to the sender with what to do.',
          unit: 'ops',
          queries: [
            {
              expr: rate('route, status', 'piing_http_request_duration_seconds_count'),
              legend: '{{route}} {{status}}',
            },
          ],
        },
        {
          title: 'Time of HTTP requests',
          description:
            'The 95th percentile by route. Uploads take as long as their senders; status may wait on request.',
          unit: 's',
          queries: quantiles('piing_http_request_duration_seconds', [0.95], 'route'),
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'Processes by role',
          description: 'How many are seen, by role and version. Two versions at a time: a rollout.',
          unit: 'short',
          width: 6,
          queries: [
            {
              expr: `count by (role, version) (${series('piing_build_info')})`,
              legend: '{{role}} {{version}}',
            },
          ],
        },
        {
          title: 'Processor time',
          description: 'Seconds of processor time a second, by role.',
          unit: 'short',
          width: 6,
          queries: [
            {
              expr: byRole(`rate(${series('process_cpu_seconds_total')}[$__rate_interval])`),
              legend: '{{role}}',
            },
          ],
        },
        {
          title: 'Memory',
          description: 'Resident memory, by role.',
          unit: 'bytes',
          width: 6,
          queries: [{ expr: byRole(series('process_resident_memory_bytes')), legend: '{{role}}' }],
        },
        {
          title: 'Event loop lag',
          description:
            'The 99th percentile of what timers are late by in the process that is worst. Above 0.1 s everything waits.',
          unit: 's',
          width: 6,
          queries: [
            {
              expr: `max by (role) (${series('nodejs_eventloop_lag_p99_seconds')} * on (namespace, instance) group_left (role) ${series('piing_build_info')})`,
              legend: '{{role}}',
            },
          ],
        },
      ],
    },
  ],
};
