import type { BoardSpec } from './board.ts';
import { quantiles, rate, series } from './expressions.ts';

const SFTP = 'source="sftp"';

export const sftp: BoardSpec = {
  uid: 'piing-sftp',
  title: 'SFTP gateway',
  description: 'Who comes, what they ask for, what is refused and why, and how long they wait.',
  rows: [
    {
      title: 'Connections and logins',
      panels: [
        {
          title: 'Open connections',
          description:
            'SSH connections by process, logged in or not. The limit is PIING_SFTP_MAX_CONNECTIONS each.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${series('piing_sftp_sessions')})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
        {
          title: 'Ended connections',
          description:
            'By how far they came. silent: health checks of load balancers; not_logged_in: clients that gave up, scanners; turned_away: a limit was met.',
          unit: 'ops',
          look: 'stacked',
          width: 8,
          queries: [{ expr: rate('outcome', 'piing_sftp_connections_total'), legend: '{{outcome}}' }],
        },
        {
          title: 'SFTP logins',
          description:
            'error: it could not be told, a fault of ours. denied: wrong secrets, revoked, throttled.',
          unit: 'ops',
          look: 'stacked',
          width: 8,
          queries: [{ expr: rate('result', 'piing_logins_total', SFTP), legend: '{{result}}' }],
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests by type',
          description: 'SFTP requests that were answered. WRITEs carry the files.',
          unit: 'ops',
          queries: [{ expr: rate('type', 'piing_sftp_requests_total'), legend: '{{type}}' }],
        },
        {
          title: 'Time to answer',
          description:
            'The 95th percentile of requests that may wait for a store. CLOSE and RENAME acknowledge files.',
          unit: 's',
          queries: quantiles('piing_sftp_request_duration_seconds', [0.95], 'type'),
        },
        {
          title: 'Refused requests',
          description:
            'By the code that the client sees in brackets. docs/guides/sftp-behaviour.md says what each means.',
          unit: 'ops',
          queries: [{ expr: rate('code', 'piing_sftp_refusals_total'), legend: '{{code}}' }],
        },
        {
          title: 'Limits met',
          description: 'By limit. Each is a setting, with its reason, in `piing settings`.',
          unit: 'ops',
          queries: [{ expr: rate('limit', 'piing_sftp_limits_total'), legend: '{{limit}}' }],
        },
      ],
    },
    {
      title: 'Files',
      panels: [
        {
          title: 'Bytes received',
          description: 'Of files, before encryption and protocol.',
          unit: 'Bps',
          width: 8,
          queries: [{ expr: rate('namespace', 'piing_received_bytes_total', SFTP), legend: '{{namespace}}' }],
        },
        {
          title: 'Files being received',
          description: 'Open for writing now, or staged under a temporary name.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${series('piing_uploads_in_progress', SFTP)})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
        {
          title: 'Files not taken',
          description:
            'By reason, at OPEN or later. SERVICE_UNAVAILABLE and DRAINING are ours, the others the sender’s.',
          unit: 'ops',
          width: 8,
          queries: [{ expr: rate('code', 'piing_upload_refusals_total', SFTP), legend: '{{code}}' }],
        },
        {
          title: 'SFTP: last byte to acknowledgement',
          description: 'Making the object durable and recording it, as the client waits for it.',
          unit: 's',
          width: 8,
          queries: quantiles('piing_acknowledgement_duration_seconds', [0.5, 0.95, 0.99], '', SFTP),
        },
        {
          title: 'Making objects durable',
          description: 'The raw store’s part of the acknowledgement.',
          unit: 's',
          width: 8,
          queries: quantiles(
            'piing_store_operation_duration_seconds',
            [0.5, 0.95],
            '',
            'operation="complete"',
          ),
        },
        {
          title: 'Bytes that wait in memory',
          description:
            'Received and not yet handled. Above PIING_SFTP_BUFFER_BYTES connections are read only as far as they are drained.',
          unit: 'bytes',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${series('piing_sftp_buffered_bytes')})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
        {
          title: 'Memory of files on their way to S3',
          description:
            'Of all roles. At PIING_S3_BUFFER_BYTES large files wait for their turn (piing_store_memory_shortages_total).',
          unit: 'bytes',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${series('piing_store_held_bytes')})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
      ],
    },
  ],
};
