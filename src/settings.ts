import { resolve } from 'node:path';
import { z } from 'zod';
import { httpLimitSettings } from './api/limits.ts';
import { sftpLimitSettings } from './gateway/limits.ts';
import { operatorSettings } from './operator/operator-settings.ts';
import { retentionSettings } from './retention/limits.ts';
import { DEFAULT_PART_MEMORY_BYTES, LEAST_PART_MEMORY_BYTES } from './storage/part-memory.ts';
import { isRange } from './support/addresses.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const count = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);
const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'has to be a URL such as postgres://user:password@host:5432/piing');
/** Addresses and CIDR ranges, separated by commas. */
const ranges = z.string().transform((list, context) => {
  const entries = list
    .split(',')
    .map((range) => range.trim())
    .filter(Boolean);
  for (const range of entries.filter((entry) => !isRange(entry)))
    context.addIssue(`${range} is not an address or a CIDR range such as 10.0.0.0/8`);
  return entries;
});
/** Web origins (RFC 6454), separated by commas. */
const origins = z.string().transform((list, context) => {
  const entries = list
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  for (const origin of entries.filter((entry) => !URL.canParse(entry) || new URL(entry).origin !== entry))
    context.addIssue(
      `${origin} is not an origin such as https://app.example: no path, no slash at the end, no *`,
    );
  return entries;
});
const directory = z
  .string()
  .min(1)
  .transform((path) => resolve(path));

/** Every environment variable that a process reads: its form, its default and what it is for. */
export const settingsSchema = z.object({
  DATABASE_URL: postgresUrl
    .optional()
    .describe('Control database: tenancy, uploads, queue. Standalone brings its own.'),
  ANALYTICS_DATABASE_URL: postgresUrl
    .optional()
    .describe('Where rows are loaded; default: the control database.'),
  PIING_RAW_STORE: z
    .string()
    .regex(/^(s3:\/\/[^/]+|\/|\.)/, 'has to be s3://BUCKET[/PREFIX] or the path of a directory')
    .optional()
    .describe(
      'Where received files are kept: s3://BUCKET[/PREFIX] or a directory. Standalone: PIING_DATA_DIR/raw.',
    ),
  PIING_S3_ENDPOINT: z.url().optional().describe('S3-compatible server; default: AWS of the region.'),
  PIING_S3_REGION: z.string().default('us-east-1').describe('Region of the bucket.'),
  PIING_S3_FORCE_PATH_STYLE: flag.default(false).describe('true for servers without bucket host names.'),
  PIING_S3_CHECKSUMS: z
    .enum(['WHEN_REQUIRED', 'WHEN_SUPPORTED'])
    .default('WHEN_REQUIRED')
    .describe('WHEN_SUPPORTED adds CRC32 to every request; several S3-compatible servers refuse that.'),
  PIING_S3_BUFFER_BYTES: count(LEAST_PART_MEMORY_BYTES, 64 * 1024 ** 3)
    .default(DEFAULT_PART_MEMORY_BYTES)
    .describe(
      'Of files on their way to S3, per process; least: three parts of 8 MiB. Above it large files wait for their turn, and one whose client stalls is refused.',
    ),
  PIING_DATA_DIR: directory.default(resolve('.piing')).describe('State of a standalone gateway.'),
  PIING_TENANTS_DIR: directory
    .default(resolve('config/standalone'))
    .describe('Organization and SchemaEnablement manifests of a standalone gateway.'),
  PIING_SCHEMAS_DIR: directory.default(resolve('config/schemas')).describe('The catalogue of schema types.'),
  PIING_PAGE_DIR: directory
    .default(resolve('dist/page'))
    .describe('The built uploads page, served at / (npm run build:page).'),
  PIING_BIND_ADDRESS: z
    .string()
    .optional()
    .describe('Address to listen on; default 0.0.0.0, standalone 127.0.0.1.'),
  PIING_SFTP_PORT: port.default(2222).describe('SFTP; 0: any free port.'),
  PIING_HTTP_PORT: port.default(8080).describe('Upload API; 0: any free port.'),
  PIING_METRICS_PORT: port.default(9090).describe('/metrics, /livez and /readyz; 0: any free port.'),
  PIING_HOST_KEYS: z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((path) => path.trim())
        .filter(Boolean),
    )
    .optional()
    .describe('Comma-separated SSH host key files (OpenSSH or PEM). Standalone generates its own.'),
  PIING_SFTP_ALGORITHMS: z
    .enum(['modern', 'compatible'])
    .default('modern')
    .describe('compatible adds what Java and .NET clients of ten years ago need; never SHA-1.'),
  PIING_SFTP_PROXY_RANGES: ranges
    .optional()
    .describe(
      'Comma-separated addresses or CIDR ranges of TCP load balancers that send a PROXY header (version 1 or 2); connections from there need one. Default: none.',
    ),
  ...sftpLimitSettings,
  ...httpLimitSettings,
  PIING_HTTP_ALLOWED_ORIGINS: origins
    .optional()
    .describe(
      'Comma-separated origins, such as https://app.example, whose scripts may use the API (CORS); default: none.',
    ),
  PIING_TRUSTED_PROXIES: ranges
    .optional()
    .describe(
      'Comma-separated addresses or CIDR ranges of HTTP proxies whose X-Forwarded-For is believed; default: none.',
    ),
  PIING_MAX_FILE_BYTES: count(1, 2 ** 40)
    .default(100 * 1024 * 1024)
    .describe('Largest file; an Organization may lower it.'),
  PIING_WORKER_CONCURRENCY: count(1, 64)
    .default(2)
    .describe('Files that one worker process loads at a time; one more place is kept for files up to 1 MiB.'),
  PIING_ORGANIZATION_CONCURRENCY: count(1, 64)
    .default(1)
    .describe(
      'Files of one organization loaded at a time over all workers; those up to 1 MiB and replays are counted on their own.',
    ),
  ...operatorSettings,
  ...retentionSettings,
  PIING_WEBHOOK_ALLOWED_RANGES: ranges
    .optional()
    .describe(
      'Comma-separated addresses or CIDR ranges that are not public and may still be sent webhooks, also by http and on any port. Default: none.',
    ),
  PIING_WEBHOOK_AUDIT_DAYS: count(1, 365)
    .default(7)
    .describe('Days for which ended webhook deliveries and their attempts are kept.'),
  PIING_DRAIN_SECONDS: count(0, 3600)
    .default(30)
    .describe('How long a stopping process lets open uploads finish.'),
  PIING_DRAIN_DELAY_SECONDS: count(0, 600)
    .optional()
    .describe(
      'How long a stopping process still accepts, so that load balancers see /readyz fail first. Default: 5, standalone 0.',
    ),
  PIING_METRICS_ORGANIZATIONS: count(0, 1_000)
    .default(0)
    .describe(
      'How many organizations have series of their own in /metrics, by the label organization; the others share one. 0: none is named.',
    ),
  PIING_TRACES_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'Where traces of uploads are sent by OTLP/HTTP (JSON), such as http://collector:4318/v1/traces; headers from OTEL_EXPORTER_OTLP_HEADERS. Default: no traces.',
    ),
  PIING_TRACES_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the uploads that are traced, 0 to 1.'),
  PIING_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('Least severe level logged.'),
  PIING_LOG_FORMAT: z
    .enum(['json', 'text'])
    .optional()
    .describe('json for collectors, text for people; default: text on a terminal, else json.'),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Thrown when the environment cannot be used. Its message lists every wrong variable. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads the settings from environment variables. An empty variable counts as absent.
 * @throws {SettingsError} for wrong values and for `PIING_` variables that nobody reads, which are usually typos.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const known = new Set(Object.keys(settingsSchema.shape));
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => known.has(name) && value !== ''),
  );
  const unread = Object.keys(env).filter((name) => name.startsWith('PIING_') && !known.has(name));
  const result = settingsSchema.safeParse(given);
  const problems = [
    ...unread.map(
      (name) =>
        `${name} is not a setting. Known: ${[...known].filter((k) => k.startsWith('PIING_')).join(', ')}`,
    ),
    ...(result.success
      ? []
      : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)),
  ];
  if (!result.success || problems.length > 0) throw new SettingsError(problems.join('\n'));
  return result.data;
}
