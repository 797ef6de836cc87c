import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateClientSecret } from '../../src/tenancy/secrets.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { until } from '../support/gateway.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { run } from '../support/run.ts';
import { newBucket, startS3, type TestS3 } from '../support/s3.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { collectMetrics, collectProcesses, collectTables, withClient } from './collect-evidence.ts';
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

  get #api(): string {
    return `${this.gateway.endpoints.http.url}/api/external`;
  }

  /** Files by both doors, webhooks, logins right and wrong in all their forms, and every command. */
  async useDoors(): Promise<void> {
    const { clientId, secrets } = this;
    const [secret, wrong] = [secrets['client secret'] ?? '', secrets['wrong secret'] ?? ''];
    const basic = (user: string, password: string) =>
      `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    await this.#sftp(clientId, secret, async (sftp) => {
      const handle = await sftp.openHandle('/orgTransactions/good.csv');
      await sftp.write(handle, 0, transactionsCsv(10));
      await sftp.close(handle);
      await sftp.open(`/orgTransactions/${wrong}.txt`);
      await sftp.open('/nowhere/x.csv');
    });
    for (const [user, password] of [
      [clientId, wrong],
      [secret, clientId],
      [wrong, wrong],
    ] as const)
      await this.#sftp(user, password);
    const json = { 'content-type': 'application/json' };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const pair = (id: string, key: string) => JSON.stringify({ client_id: id, client_secret: key });
    const token = await this.#token('access token', json, pair(clientId, secret));
    await this.#token('access token by form', form, `client_id=${clientId}&client_secret=${secret}`);
    await this.#token('access token by Basic', { authorization: basic(clientId, secret) });
    for (const [headers, body] of [
      [json, pair(clientId, wrong)],
      [json, pair(secret, clientId)],
      [json, `{"client_id":"${clientId}","client_secret":"${secret}"`],
      [json, `{"client_secret":${secret}}`],
      [json, JSON.stringify({ client_id: clientId, client_secret: [secret], grant_type: wrong })],
      [form, `client_secret=${secret}&client_secret=${wrong}`],
      [{ authorization: basic(secret, wrong) }, undefined],
      [{ authorization: `Basic ${secret}` }, undefined],
    ] as const)
      await this.#ask('/auth/token', { method: 'POST', headers, ...(body !== undefined && { body }) });
    const bearer = { authorization: `Bearer ${token}` };
    await this.#ask(`/uploads?access_token=${token}&cursor=${secret}`, { headers: bearer });
    await this.#ask(`/nowhere?client_secret=${secret}`, { headers: bearer });
    await this.#ask('/uploads', { headers: { authorization: `Bearer ${token.slice(0, -2)}` } });
    await this.#ask('/uploads', { headers: { authorization: basic(clientId, secret) } });
    await this.#ask('/schemas', { headers: { cookie: `piing_session=${token}` } });
    for (const [content, schemaType] of [
      ['transaction_id,location_id\n1,2\n', 'orgTransactions'],
      ['x', wrong],
    ] as const)
      await this.#upload(bearer, content, schemaType);
    const signIn = {
      method: 'POST',
      headers: { ...json, 'x-piing-page': '1' },
      body: pair(clientId, secret),
    };
    const session = await fetch(`${this.gateway.endpoints.http.url}/session`, signIn);
    secrets.session = /piing_session=([^;]+)/.exec(session.headers.get('set-cookie') ?? '')?.[1] ?? '';
    this.#evidence.add('answer of POST /session', await session.text());
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
    const pair = JSON.stringify({ client_id: clientId, client_secret: secret });
    const json = { 'content-type': 'application/json' };
    const token = await this.#token('last access token', json, pair);
    await this.#upload({ authorization: `Bearer ${token}` }, transactionsCsv(10), 'orgTransactions');
    await withClient(url.replace(/\/piing$/, '/postgres'), async (client) => {
      await client.query('ALTER DATABASE piing ALLOW_CONNECTIONS false');
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'piing'");
      await this.#sftp(clientId, secret);
      await this.#ask('/auth/token', { method: 'POST', headers: json, body: pair });
      await this.#ask('/uploads', { headers: { authorization: `Bearer ${token}` } });
      await collectMetrics(gateway, this.#evidence);
      await client.query('ALTER DATABASE piing ALLOW_CONNECTIONS true');
    });
    await until(async () =>
      (await this.#ask('/schemas', { headers: { authorization: `Bearer ${token}` } })) === 200
        ? true
        : undefined,
    );
  }

  /** What other users of the machine, and everybody who may read logs, metrics, tables and files, can see. */
  async collect(): Promise<void> {
    await collectMetrics(this.gateway, this.#evidence);
    await collectProcesses(this.gateway, this.reports, this.#evidence);
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

  async #token(name: string, headers: Record<string, string>, body?: string): Promise<string> {
    const request = { method: 'POST', headers, ...(body !== undefined && { body }) };
    const answer = await fetch(`${this.#api}/auth/token`, request);
    const { access_token } = (await answer.json()) as { access_token?: string };
    if (access_token === undefined) throw new Error(`${name}: ${answer.status}`);
    this.secrets[name] = access_token;
    return access_token;
  }

  async #ask(path: string, init: RequestInit): Promise<number> {
    const answer = await fetch(this.#api + path, init);
    const headers = JSON.stringify([...answer.headers]);
    this.#evidence.add(
      `answer ${answer.status} of ${path.split('?', 1)[0]}`,
      headers + (await answer.text()),
    );
    return answer.status;
  }

  #upload(headers: Record<string, string>, content: string | Buffer, schemaType: string): Promise<number> {
    const body = new FormData();
    body.set('schemaType', schemaType);
    body.set('file', new Blob([content]), 'upload.csv');
    return this.#ask('/upload', { method: 'POST', headers, body });
  }

  async #sftp(username: string, password: string, use?: (sftp: RawSftp) => Promise<void>): Promise<void> {
    const { host, port } = this.gateway.endpoints.sftp;
    try {
      const sftp = await RawSftp.connect({ host, port, username, password });
      await use?.(sftp);
      await sftp.quit();
    } catch (error) {
      this.#evidence.add('refusal of SFTP', String(error));
    }
  }
}

/** From the middle of the key, where nothing public stands. */
function keyText(pem: string): string {
  const lines = pem.trim().split('\n').slice(1, -1);
  return lines[Math.floor((lines.length * 3) / 4)] ?? '';
}

async function signingKey(url: string): Promise<string> {
  return withClient(
    url,
    async (client) => (await client.query("SELECT jwk ->> 'd' AS d FROM piing.signing_keys")).rows[0].d,
  );
}
