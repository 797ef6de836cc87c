// Writes what the chart's `settings` may hold into charts/piing-gateway/values.schema.json: `npm run generate`.
// The rest of that file is written by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { settingsSchema } from '../src/settings.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const CHART_SCHEMA = join(root, 'charts', 'piing-gateway', 'values.schema.json');

/** Set by a value of their own, which knows more of what belongs together. */
export const BY_OTHER_VALUES = [
  'DATABASE_URL',
  'ANALYTICS_DATABASE_URL',
  'PIING_RAW_STORE',
  'PIING_S3_ENDPOINT',
  'PIING_S3_REGION',
  'PIING_S3_FORCE_PATH_STYLE',
  'PIING_SCHEMAS_DIR',
  'PIING_HOST_KEYS',
  'PIING_SFTP_PROXY_RANGES',
  'PIING_HTTP_ALLOWED_ORIGINS',
  'PIING_TRUSTED_PROXIES',
  'PIING_WATCH_NAMESPACES',
  'PIING_DRAIN_SECONDS',
  'PIING_DRAIN_DELAY_SECONDS',
  'PIING_LOG_LEVEL',
  'PIING_LOG_FORMAT',
];
/** Of no use in a pod: the standalone gateway's, and what the image and its Services take for granted. */
export const NOT_IN_PODS = [
  'PIING_DATA_DIR',
  'PIING_TENANTS_DIR',
  'PIING_PAGE_DIR',
  'PIING_SFTP_PORT',
  'PIING_HTTP_PORT',
  'PIING_METRICS_PORT',
  'PIING_OPERATOR_NAMESPACE',
];

/** The whole file with its settings as they are now. */
export function generateChartSchema() {
  const schema = JSON.parse(readFileSync(CHART_SCHEMA, 'utf8'));
  const { properties } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const left = Object.entries(properties).filter(
    ([name]) => !BY_OTHER_VALUES.includes(name) && !NOT_IN_PODS.includes(name),
  );
  schema.$defs.settings.properties = Object.fromEntries(
    left.map(([name, property]) => [name, withoutDefault(property)]),
  );
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** Defaults are the processes' own; YAML has booleans where the environment has words. */
function withoutDefault({ default: _, ...property }) {
  if (property.enum?.includes('true')) return { ...property, type: 'boolean', enum: undefined };
  return property;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CHART_SCHEMA, generateChartSchema());
