import type { Metric } from 'prom-client';
import { ROLES, type Role, registries } from './registries.ts';

/** Values of labels that are met on the way, and what bounds them. */
const OPEN_LABELS: Readonly<Record<string, string>> = {
  'piing_build_info version': 'of package.json',
  'piing_build_info role': 'the role',
  schema_type: 'a schema type of the catalogue',
  organization: 'at most PIING_METRICS_ORGANIZATIONS names, and `other`',
  'piing_organization_uploads_total status': 'final statuses of uploads, `REFUSED`, `ABANDONED`',
  'piing_organization_rows_total outcome': '`loaded`, `unchanged`, `rejected`',
  'piing_upload_refusals_total code': 'also codes of faults that the first record shows',
  'piing_failed_uploads_total code': 'codes of the errors catalogue',
  'piing_sftp_refusals_total code': 'codes that clients see in brackets',
  method: 'of HTTP',
  'rest_client_requests_total code': 'status of HTTP, 0: no answer',
  route: 'pattern of the route, `none` for unknown ones',
  status: '`2xx`, `3xx`, `4xx`, `5xx`',
  'leader_election_master_status name': 'of the lease',
  controller: '`organization`, `schemaenablement`',
  name: '`organization`, `schemaenablement`',
};

interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  readonly roles: Role[];
}

/** docs/operations/metrics.md, from what the roles register. */
export async function metricsPage(): Promise<string> {
  const metrics = [...(await describeAll()).values()];
  const isRuntime = ({ name }: Described) => /^(process|nodejs)_/.test(name);
  const isOperators = ({ roles }: Described) => roles.length === 1 && roles[0] === 'operator';
  const gateway = metrics.filter((metric) => !isRuntime(metric) && !isOperators(metric));
  return [
    HEAD,
    table(gateway),
    OPERATOR,
    table(metrics.filter(isOperators)),
    RUNTIME,
    table(metrics.filter(isRuntime)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

async function describeAll(): Promise<Map<string, Described>> {
  const found = new Map<string, Described>();
  const all = registries();
  for (const role of ROLES) {
    for (const metric of all[role].getMetricsAsArray() as unknown as Metric[]) {
      const described = await describe(metric);
      const known = found.get(described.name) ?? described;
      known.roles.push(role);
      found.set(described.name, known);
    }
  }
  return found;
}

async function describe(metric: Metric): Promise<Described> {
  // prom-client keeps the names to itself; without them labels that have no series yet could not be told.
  const { labelNames } = metric as unknown as { readonly labelNames: readonly string[] };
  const { name, type, help, values } = await metric.get();
  const labels = new Map(
    labelNames
      .filter((label) => label !== 'le')
      .map((label) => [label, new Set(values.flatMap((value) => seriesValue(value.labels, label)))]),
  );
  return { name, type: String(type), help, labels, roles: [] };
}

function seriesValue(labels: object, label: string): string[] {
  const value = (labels as Record<string, string | undefined>)[label];
  return value === undefined ? [] : [value];
}

function table(metrics: readonly Described[]): string {
  const rows = [...metrics]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(
      ({ name, type, help, labels, roles }) =>
        `| \`${name}\` | ${type} | ${labelsOf(name, labels)} | ${roles.length === ROLES.length ? 'all' : roles.join(', ')} | ${help} |`,
    );
  return ['| Name | Type | Labels | Roles | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

function labelsOf(name: string, labels: Described['labels']): string {
  return [...labels].map(([label, values]) => `\`${label}\`: ${valuesOf(name, label, values)}`).join('<br>');
}

function valuesOf(name: string, label: string, values: ReadonlySet<string>): string {
  if (name.startsWith('nodejs_')) return 'of Node';
  const isDescribed = values.size === 0 || label === 'schema_type';
  const open = OPEN_LABELS[`${name} ${label}`] ?? (isDescribed ? OPEN_LABELS[label] : undefined);
  if (label === 'version' || label === 'role' || isDescribed) {
    if (open) return open;
    throw new Error(`Say in tools/metrics/page.ts what the label ${label} of ${name} may be.`);
  }
  return [...[...values].map((value) => `\`${value}\``), ...(open ? [open] : [])].join(', ');
}

const HEAD = `# Metrics

Every process serves \`/metrics\` on \`PIING_METRICS_PORT\` (9090) in the Prometheus text format, beside \`/livez\` and
\`/readyz\`. A process shows what its own role counts; \`piing standalone\` shows everything but the operator's.

- Names, types, labels and meanings below are read from the code (\`npm run docs:metrics\`), and a test fails when they
  differ.
- Counters count when something is over. Series whose labels are known start at 0.
- No label grows with use. \`organization\` appears only with \`PIING_METRICS_ORGANIZATIONS\`, for at most that many.
- Stages of a file, each with what came in, is in it, went out, failed, and when it last went well:
  receiving (\`piing_uploads_started_total\`, \`piing_uploads_in_progress\`, \`piing_uploads_total\`,
  \`piing_upload_refusals_total\`, \`piing_last_received_timestamp_seconds\`), waiting (\`piing_jobs\`,
  \`piing_oldest_unprocessed_seconds\`), loading (\`piing_processing_started_total\`, \`piing_processing_in_progress\`,
  \`piing_processed_uploads_total\`, \`piing_failed_uploads_total\`, \`piing_last_processed_timestamp_seconds\`), telling
  (\`piing_webhook_attempts_in_progress\`, \`piing_webhook_deliveries_total\`,
  \`piing_webhook_last_delivered_timestamp_seconds\`).

## Gateway, API and worker
`;

const OPERATOR = `
## Operator

Names that dashboards for controller-runtime know.
`;

const RUNTIME = `
## Node and the process
`;
