import type { BoardSpec } from './board.ts';
import { rate, series } from './expressions.ts';

const ORGANIZATION = 'organization=~"$organization"';

const inRange = (by: string, metric: string, ...matchers: readonly string[]) =>
  `sum by (${by}) (increase(${series(metric, ORGANIZATION, ...matchers)}[$__range]))`;

export const tenants: BoardSpec = {
  uid: 'piing-tenants',
  title: 'Tenants',
  description:
    'What each organization sends and what becomes of it. Needs PIING_METRICS_ORGANIZATIONS; organizations beyond that number are counted as "other".',
  from: 'now-24h',
  variables: [{ label: 'organization', metric: 'piing_organization_uploads_total' }],
  rows: [
    {
      title: 'Uploads',
      panels: [
        {
          title: 'Uploads by organization',
          description: 'Files that ended, whatever the outcome.',
          unit: 'ops',
          look: 'stacked',
          queries: [
            {
              expr: rate('organization', 'piing_organization_uploads_total', ORGANIZATION),
              legend: '{{organization}}',
            },
          ],
        },
        {
          title: 'Uploads by status',
          description: 'Final statuses, and what was refused or abandoned at the door.',
          unit: 'ops',
          look: 'stacked',
          queries: [
            { expr: rate('status', 'piing_organization_uploads_total', ORGANIZATION), legend: '{{status}}' },
          ],
        },
        {
          title: 'Ten organizations with most trouble',
          look: 'number',
          description:
            'Files that ended FAILED, PARTIALLY_COMPLETED or REFUSED, over the time that is shown.',
          unit: 'short',
          queries: [
            {
              expr: `topk(10, ${inRange('organization', 'piing_organization_uploads_total', 'status=~"FAILED|PARTIALLY_COMPLETED|REFUSED"')})`,
              legend: '{{organization}}',
            },
          ],
        },
        {
          title: 'Share of files without any trouble',
          look: 'number',
          width: 12,
          description: 'COMPLETED of all that ended, by organization, over the time that is shown.',
          unit: 'percentunit',
          queries: [
            {
              expr: `${inRange('organization', 'piing_organization_uploads_total', 'status="COMPLETED"')} / ${inRange('organization', 'piing_organization_uploads_total')}`,
              legend: '{{organization}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Volume',
      panels: [
        {
          title: 'Bytes received by organization',
          description: 'Of files, also of those that were refused later.',
          unit: 'Bps',
          look: 'stacked',
          queries: [
            {
              expr: rate('organization', 'piing_organization_received_bytes_total', ORGANIZATION),
              legend: '{{organization}}',
            },
          ],
        },
        {
          title: 'Rows loaded by organization',
          description: 'New and changed rows in the analytics database.',
          unit: 'ops',
          look: 'stacked',
          queries: [
            {
              expr: rate('organization', 'piing_organization_rows_total', ORGANIZATION, 'outcome="loaded"'),
              legend: '{{organization}}',
            },
          ],
        },
        {
          title: 'Share of rejected rows',
          look: 'number',
          description:
            'Rejected of all rows, by organization, over the time that is shown. A sudden rise: an export has changed.',
          unit: 'percentunit',
          width: 24,
          queries: [
            {
              expr: `${inRange('organization', 'piing_organization_rows_total', 'outcome="rejected"')} / ${inRange('organization', 'piing_organization_rows_total')}`,
              legend: '{{organization}}',
            },
          ],
        },
      ],
    },
  ],
};
