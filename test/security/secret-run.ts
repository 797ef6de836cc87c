import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateClientSecret } from '../../src/tenancy/secrets.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { until } from '../support/gateway.ts';
import { run } from '../support/run.ts';
import { newBucket, startS3, type TestS3 } from '../support/s3.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { collectMetrics, collectProcesses, collectTables, withClient } from './collect-evidence.ts';
import { DoorUse } from './door-use.ts';
import type { Evidence } from './evidence.ts';

const manifest = (webhook: string) => `apiVersion: piing.ai/v1alpha1
kind: Organization
metadata: { name: vault }
spec:
  credentials: [{ name: pos }]
  webhooks: [{ name: erp, url: "${webhook}", secretRef: { name: hooks } }]
---
apiVersion: piing.ai/v1alpha1
kind: SchemaEnablement
metadata: { name: vault-transactions }
spec: { organizationRef: { name: vault }, schemaType: orgTransactions }
`;

/** A standalone gateway with every kind of secret, at its most talkative, and what it is asked and made to suffer. */
export class SecretRun {
  readonly gateway: StandaloneProcess;
  readonly s3: TestS3;
  readonly receiver: Receiver;
  readonly reports: string;
  readonly clientId: string;
  /** Every secret of the run, by what it is. */
  readonly secrets: Record<string, string>;
  readonly #evidence: Evidence;
  readonly #doors: DoorUse;

  private constructor(
    parts: Omit<SecretRun, 'secrets' | 'useDoors' | 'provokeErrors' | 'collect'>,
    evidence: Evidence,
    secrets: Record<string, string>,
  ) {
    this.gateway = parts.gateway;
    this.s3 = parts.s3;
    this.receiver = parts.receiver;
    this.reports = parts.reports;
    this.clientId = parts.clientId;
    this.secrets = secrets;
    this.#evidence = evidence;
    const { sftp, http } = parts.gateway.endpoints;
    const { clientId } = parts;
    this.#doors = new DoorUse({ sftp, httpUrl: http.url, clientId, secrets, evidence });
  }

  static async start(evidence: Evidence): Promise<SecretRun> {
    const [s3, receiver] = [await startS3(), await startReceiver()];
    const [tenants, reports] = [await temporaryDirectory('vault'), await temporaryDirectory('reports')];
    await writeFile(join(tenants, 'vault.yaml'), manifest(receiver.url));
    const gateway = await startStandalone(join(await temporaryDirectory('secrets'), 'data'), {
      PIING_TENANTS_DIR: tenants,
      PIING_RAW_STORE: `s3://${await newBucket(s3)}`,
      PIING_S3_ENDPOINT: s3.endpoint,
      PIING_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      PIING_WEBHOOK_ALLOWED_RANGES: '127.0.0.1',
      PIING_LOG_LEVEL: 'trace',
      PIING_LOG_FORMAT: 'json',
      NODE_OPTIONS: `--report-on-signal --report-directory=${reports}`,
    });
    const { client_id: clientId, client_secret } = await gateway.credential('vault', 'pos');
    const kept = (...path: string[]) => readFile(join(gateway.dataDirectory, ...path), 'utf8');
    const webhook = (await kept('webhook-secrets', 'default', 'hooks', 'secret')).trim();
    const keys = ['ssh_host_ed25519_key', 'ssh_host_rsa_key'].map((name) => kept('host-keys', name));
    const [ed25519 = '', rsa = ''] = await Promise.all(keys);
    const secrets = {
      'client secret': client_secret,
      'wrong secret': generateClientSecret(),
      'database password': new URL(gateway.endpoints.database.url).password,
      'S3 secret': s3.secretAccessKey,
      'webhook secret': webhook.slice('whsec_'.length),
      'host key (ed25519)': keyText(ed25519),
      'host key (RSA)': keyText(rsa),
      'signing key': await signingKey(gateway.endpoints.database.url),
    };
    return new SecretRun({ gateway, s3, receiver, reports, clientId }, evidence, secrets);
  }

  /** Files by both doors, webhooks, logins right and wrong in all their forms, and every command. */
  async useDoors(): Promise<void> {
    await this.#doors.everything();
    await until(async () => (this.receiver.received.length >= 1 ? true : undefined));
    for (const { body, headers } of this.receiver.received)
      this.#evidence.add('webhook', body + JSON.stringify(headers));
    await this.#commands();
  }

  /** The stores fail, the receiver fails, and settings are wrong in the places where passwords stand. */
  async provokeErrors(): Promise<void> {
    const { clientId, gateway, secrets } = this;
    const { url } = gateway.endpoints.database;
    const secret = secrets['client secret'] ?? '';
    const wrongUrl = new URL(url);
    wrongUrl.password = secrets['wrong secret'] ?? '';
    for (const bad of [
      wrongUrl.href,
      url.replace(/:\d+\/piing$/, ':port/piing'),
      url.replace('postgres:', 'mysql:'),
      `${url}?sslmode=verify-full`,
    ])
      await this.#piing({ DATABASE_URL: bad }, 'uploads', 'list');
    this.receiver.respond = (_request, response) => response.writeHead(500).end();
    await this.#piing({}, 'webhooks', 'test', 'vault', 'erp');
    await this.s3.kill();
    const token = await this.#doors.token('last access token');
    await this.#doors.upload(token, transactionsCsv(10), 'orgTransactions');
    await withClient(url.replace(/\/piing$/, '/postgres'), async (client) => {
      await client.query('ALTER DATABASE piing ALLOW_CONNECTIONS false');
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'piing'");
      await this.#doors.sftp(clientId, secret);
      const json = { 'content-type': 'application/json' };
      await this.#doors.ask('/auth/token', { method: 'POST', headers: json, body: this.#doors.loginBody() });
      await this.#doors.ask('/uploads', { headers: { authorization: `Bearer ${token}` } });
      await collectMetrics(gateway.endpoints.metrics.url, this.#evidence);
      await client.query('ALTER DATABASE piing ALLOW_CONNECTIONS true');
    });
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    await until(async () => ((await this.#doors.ask('/schemas', bearer)) === 200 ? true : undefined));
  }

  /** What other users of the machine, and everybody who may read logs, metrics, tables and files, can see. */
  async collect(): Promise<void> {
    await collectMetrics(this.gateway.endpoints.metrics.url, this.#evidence);
    await collectProcesses('the gateway', this.gateway.process.pid ?? 0, this.reports, this.#evidence);
    await collectTables(this.gateway.endpoints.database.url, this.#evidence);
    await this.gateway.stop();
    this.#evidence.add('output', this.gateway.output());
  }

  async #commands(): Promise<void> {
    for (const command of [
      'uploads list --json',
      'organizations list',
      'webhooks list --json',
      'webhooks deliveries --json',
      'webhooks test vault erp',
      'schemas list',
      'retention run --dry-run',
      'uploads recover --dry-run',
      'settings',
      'migrate --dry-run',
    ])
      await this.#piing({}, ...command.split(' '));
  }

  async #piing(env: Record<string, string>, ...args: string[]): Promise<void> {
    const { s3, gateway } = this;
    const own = {
      ...{ PIING_DATA_DIR: gateway.dataDirectory, PIING_LOG_LEVEL: 'trace' },
      ...{ AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey },
    };
    const { stdout, stderr } = await run(process.execPath, ['src/main.ts', ...args], {
      env: { ...own, ...env },
    });
    this.#evidence.add(`piing ${args.join(' ')}`, stdout + stderr);
  }
}

/** From the middle of the key, where nothing public stands. */
export function keyText(pem: string): string {
  const lines = pem.trim().split('\n').slice(1, -1);
  return lines[Math.floor((lines.length * 3) / 4)] ?? '';
}

export async function signingKey(url: string): Promise<string> {
  return withClient(
    url,
    async (client) => (await client.query("SELECT jwk ->> 'd' AS d FROM piing.signing_keys")).rows[0].d,
  );
}
