import { relative } from 'node:path';
import type { DataDirectory } from './data-directory.ts';
import type { World } from './world.ts';

/** What `endpoints.json` tells scripts and the other commands. */
export interface Endpoints {
  readonly sftp: { readonly host: string; readonly port: number; readonly hostKeys: readonly string[] };
  readonly http: { readonly url: string };
  readonly metrics: { readonly url: string };
  readonly database: { readonly url: string };
}

/** Shown once, when a credential is made: the database keeps only the secret's hash. */
export function describeIssued(issued: {
  readonly organizationId: string;
  readonly credentialName: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly path: string;
}): string {
  return `
New credential ${issued.credentialName} of ${issued.organizationId}, also in ${shown(issued.path)}:
  client_id      ${issued.clientId}
  client_secret  ${issued.clientSecret}
`;
}

/** Shown once, when it is made; the file keeps it for whoever writes the receiver. */
export function describeWebhookSecret(made: {
  readonly name: string;
  readonly secret: string;
  readonly path: string;
}): string {
  return `
New webhook secret ${made.name}, also in ${shown(made.path)}:
  ${made.secret}
`;
}

interface Sample {
  readonly organizationId: string;
  readonly credentialName: string;
  readonly clientId: string;
  readonly schemaTypes: readonly string[];
}

const FIND_CREDENTIALS = `
SELECT c.organization_id AS "organizationId", c.name AS "credentialName", c.client_id AS "clientId",
       ARRAY(SELECT e.schema_type FROM piing.schema_enablements e
              WHERE e.organization_id = c.organization_id ORDER BY e.schema_type) AS "schemaTypes"
  FROM piing.credentials c JOIN piing.organizations o ON o.id = c.organization_id
 WHERE c.revoked_at IS NULL AND o.deleted_at IS NULL AND NOT o.suspended
 ORDER BY 1, 2`;

/** Files of `config/samples/` to try with, by schema type. */
const SAMPLES: Readonly<Record<string, string>> = {
  orgTransactions: 'config/samples/orgTransactions.csv',
  orgTransactionDetail: 'config/samples/orgTransactionDetail.csv',
  orgShifts: 'config/samples/orgShifts.csv',
  generic_transactions: 'config/samples/generic_transactions.json',
};

/** The lines to try, ready to be pasted into a second terminal in the same directory. */
export async function describeReady(
  world: World,
  data: DataDirectory,
  endpoints: Endpoints,
): Promise<string> {
  const { rows } = await world.control.query<Sample>(FIND_CREDENTIALS);
  const lines = [
    '',
    `SFTP ${endpoints.sftp.host}:${endpoints.sftp.port}   HTTP ${endpoints.http.url}   metrics ${endpoints.metrics.url}/metrics`,
    `Uploads page ${endpoints.http.url}/   sign in with a client_id and its client_secret`,
  ];
  for (const row of rows) {
    const file = shown(data.path('credentials', `${row.organizationId}-${row.credentialName}.json`));
    lines.push(
      '',
      `${row.organizationId}: ${row.schemaTypes.join(', ') || 'no schema type enabled'} (credential in ${file})`,
    );
    lines.push(...tryLines(row, file, endpoints, psqlLine(data, endpoints), world));
  }
  if (rows.length === 0)
    lines.push('', `No organization yet: put manifests into ${shown(world.settings.PIING_TENANTS_DIR)}.`);
  return `${lines.join('\n')}\n\nStop with ^C.\n`;
}

function tryLines(row: Sample, file: string, endpoints: Endpoints, database: string, world: World): string[] {
  const schemaType = row.schemaTypes.includes('orgTransactions') ? 'orgTransactions' : row.schemaTypes[0];
  const sample = schemaType === undefined ? undefined : SAMPLES[schemaType];
  const table = schemaType === undefined ? undefined : world.catalogue.get(schemaType)?.table;
  if (schemaType === undefined || sample === undefined || table === undefined) return [];
  const { host, port } = endpoints.sftp;
  const api = `${endpoints.http.url}/api/external`;
  return [
    `  export SSHPASS=$(jq -r .client_secret ${file})`,
    `  sshpass -e sftp -P ${port} -oBatchMode=no -oStrictHostKeyChecking=accept-new ${row.clientId}@${host}:/${schemaType}/ <<< "put ${sample}"`,
    `  TOKEN=$(curl -s ${api}/auth/token -H 'Content-Type: application/json' -d @${file} | jq -r .access_token)`,
    `  curl -s -H "Authorization: Bearer $TOKEN" -F schemaType=${schemaType} -F file=@${sample} ${api}/upload | jq`,
    `  curl -s -H "Authorization: Bearer $TOKEN" "${api}/uploads?limit=5" | jq '.uploads[] | {uploadId, status, rows}'`,
    `  ${database} -c 'SELECT * FROM ${table} LIMIT 5'`,
  ];
}

/** The password by way of the environment: what stands on a command line, every user of the machine can read. */
function psqlLine(data: DataDirectory, endpoints: Endpoints): string {
  const { hostname, port, username, pathname, password } = new URL(endpoints.database.url);
  const target = `psql -h ${hostname} -p ${port || 5432} -U ${username} ${pathname.slice(1)}`;
  return password ? `PGPASSWORD=$(cat ${shown(data.path('postgres', 'password'))}) ${target}` : target;
}

/** Paths as a person in this directory would type them. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
