import type { Metrics } from '../telemetry/metrics.ts';
import type { Finished, Result } from './progress.ts';

/** Counts an upload that got its final status here, once. */
export function countResult(
  metrics: Metrics,
  { organizationId, schemaType, latency, result }: Finished & { readonly result: Result },
): void {
  const { status, rows, faults } = result;
  metrics.processed.inc({ status, schema_type: schemaType });
  metrics.lastProcessed.setToCurrentTime();
  metrics.organizations.ended(organizationId, status);
  if (latency !== null) metrics.endToEndSeconds.observe(latency);
  if (status === 'FAILED') metrics.failures.inc({ code: faults[0]?.code ?? 'ROWS_REJECTED' });
  for (const outcome of ['loaded', 'unchanged', 'rejected'] as const) {
    metrics.rows.inc({ outcome }, rows?.[outcome] ?? 0);
    if (rows) metrics.organizations.rows(organizationId, outcome, rows[outcome]);
  }
}
