import type { Definer } from './define.ts';

/** Under which those are counted for whom there is no room. */
const OTHERS = 'other';

export interface OrganizationMetrics {
  ended(organization: string, status: string): void;
  received(organization: string, bytes: number): void;
  rows(organization: string, outcome: 'loaded' | 'unchanged' | 'rejected', count: number): void;
}

/**
 * What each organization does, for at most `limit` of them: the first that this process meets have series of their
 * own, the rest share one. 0, the default, counts nothing: a label that grows with the business does not fit
 * Prometheus, and whoever has few tenants can say so.
 */
export function organizationMetrics({ counter }: Definer, limit: number): OrganizationMetrics {
  const uploads = counter(
    'piing_organization_uploads_total',
    'Uploads that ended, by organization and status; only with PIING_METRICS_ORGANIZATIONS',
    { organization: [], status: [] },
  );
  const bytes = counter(
    'piing_organization_received_bytes_total',
    'Bytes of files received, by organization; only with PIING_METRICS_ORGANIZATIONS',
    { organization: [] },
  );
  const rows = counter(
    'piing_organization_rows_total',
    'Rows by organization and outcome; only with PIING_METRICS_ORGANIZATIONS',
    { organization: [], outcome: [] },
  );
  const known = new Set<string>();
  const labelOf = (organization: string) => {
    if (!known.has(organization) && known.size < limit) known.add(organization);
    return known.has(organization) ? organization : OTHERS;
  };
  if (limit === 0) return { ended: () => undefined, received: () => undefined, rows: () => undefined };
  return {
    ended: (organization, status) => uploads.inc({ organization: labelOf(organization), status }),
    received: (organization, count) => bytes.inc({ organization: labelOf(organization) }, count),
    rows: (organization, outcome, count) => rows.inc({ organization: labelOf(organization), outcome }, count),
  };
}
