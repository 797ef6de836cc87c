import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { generateClientSecret } from '../../src/tenancy/secrets.ts';
import { type Cluster, enablement, newCluster, organization } from '../operator/fixture.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { type RoleProcess, startRole } from '../support/role-process.ts';
import { run } from '../support/run.ts';
import { newBucket, startS3, type TestS3 } from '../support/s3.ts';
import { freePort, temporaryDirectory } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { collectMetrics, collectProcesses, collectTables } from './collect-evidence.ts';
import { DoorUse } from './door-use.ts';
import type { Evidence } from './evidence.ts';
import { keyText, signingKey } from './secret-run.ts';

interface Role {
  readonly process: RoleProcess;
  readonly reports: string;
}

/** Gateway, API, worker and operator as processes of their own, with every kind of secret, at their most talkative. */
export class RoleRun {
  /** Every secret of the run, by what it is. */
  readonly secrets: Record<string, string> = {};
  readonly roles = new Map<string, Role>();
  readonly clientId: string;
  readonly #evidence: Evidence;
  readonly #parts: Parts;
  readonly #env: Readonly<Record<string, string>>;
  readonly #doors: DoorUse;

  private constructor(evidence: Evidence, parts: Parts, env: Readonly<Record<string, string>>, id: string) {
    this.#evidence = evidence;
    this.#parts = parts;
    this.#env = env;
    this.clientId = id;
    const sftp = { host: '127.0.0.1', port: Number(env.PIING_SFTP_PORT) };
    const httpUrl = `http://127.0.0.1:${env.PIING_HTTP_PORT}`;
    this.#doors = new DoorUse({ sftp, httpUrl, clientId: id, secrets: this.secrets, evidence });
  }

  static async start(evidence: Evidence): Promise<RoleRun> {
    const [cluster, s3] = [await newCluster('vault'), await startS3()];
    const [otlp, receiver] = [await startOtlpReceiver(), await startReceiver()];
    const keys = await temporaryDirectory('role-keys');
    await keepHostKeys(keys);
    const hostKey = join(keys, 'ssh_host_ed25519_key');
    const collectorToken = randomBytes(24).toString('hex');
    const env = {
      DATABASE_URL: cluster.database.url,
      PIING_RAW_STORE: `s3://${await newBucket(s3)}`,
      PIING_S3_ENDPOINT: s3.endpoint,
      PIING_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      PIING_HOST_KEYS: hostKey,
      PIING_SFTP_PORT: String(await freePort()),
      PIING_HTTP_PORT: String(await freePort()),
      PIING_WEBHOOK_ALLOWED_RANGES: '127.0.0.1',
      PIING_TRACES_ENDPOINT: otlp.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${collectorToken}`,
      PIING_LOG_LEVEL: 'trace',
    };
    const { path, tokenFile } = await cluster.kubeconfig('secrets');
    const webhook = randomBytes(32).toString('base64');
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hooks', labels: { 'piing.ai/organization': 'vault' } },
      stringData: { secret: `whsec_${webhook}` },
    });
    await cluster.apply(
      organization('vault', { webhooks: webhooksTo(receiver) }),
      enablement('vault-transactions', 'vault', 'orgTransactions'),
    );
    const operator = await startTalkative('operator', {
      DATABASE_URL: cluster.database.url,
      KUBECONFIG: path,
      PIING_WATCH_NAMESPACES: cluster.namespace,
      PIING_OPERATOR_NAMESPACE: cluster.namespace,
      PIING_WEBHOOK_ALLOWED_RANGES: '127.0.0.1',
      PIING_LOG_LEVEL: 'trace',
    });
    const { clientId, clientSecret } = await cluster.pair('vault-pos');
    await cluster.untilReady('org', 'vault');
    await cluster.untilReady('se', 'vault-transactions');
    const ran = new RoleRun(evidence, { cluster, s3, otlp, receiver }, env, clientId);
    ran.roles.set('operator', operator);
    for (const role of ['gateway', 'api', 'worker']) ran.roles.set(role, await startTalkative(role, env));
    Object.assign(ran.secrets, {
      'client secret': clientSecret,
      'wrong secret': generateClientSecret(),
      'database password': new URL(cluster.database.url).password,
      'S3 secret': s3.secretAccessKey,
      'webhook secret': webhook,
      'host key': keyText(await readFile(hostKey, 'utf8')),
      'signing key': await signingKey(cluster.database.url),
      'token of the operator': (await readFile(tokenFile, 'utf8')).trim(),
      'token for the collector': collectorToken,
    });
    return ran;
  }

  /** Everything that every process has printed. */
  output(): string {
    return [...this.roles.values()].map(({ process }) => process.output()).join('');
  }

  async useDoors(): Promise<void> {
    await this.#doors.everything();
    const { receiver } = this.#parts;
    await until(async () => (receiver.received.length >= 1 ? true : undefined));
    for (const { body, headers } of receiver.received)
      this.#evidence.add('webhook', body + JSON.stringify(headers));
    // A second secret beside the first, and one that cannot be understood.
    const { cluster } = this.#parts;
    const credentials = [{ name: 'pos', rotation: 2 }];
    await cluster.apply(organization('vault', { credentials, webhooks: webhooksTo(receiver) }));
    await cluster.untilReady('org', 'vault');
    this.secrets['rotated client secret'] = await until(async () => {
      const { clientSecret } = await cluster.pair('vault-pos');
      return clientSecret === this.secrets['client secret'] ? undefined : clientSecret;
    });
    const wrong = this.secrets['wrong secret'] ?? '';
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'own' },
        stringData: { client_secret: `${wrong}\n\n` },
      },
      organization('other', { credentials: [{ name: 'pos', secretRef: { name: 'own' } }] }),
    );
    await cluster.until('org', 'other', ({ status }) => (status?.conditions?.length ?? 0) > 0);
  }

  /** Stores, receivers and the cluster refuse, and every role is started with passwords that are wrong. */
  async provokeErrors(): Promise<void> {
    const { cluster, receiver, s3 } = this.#parts;
    const wrong = this.secrets['wrong secret'] ?? '';
    const badUrl = new URL(cluster.database.url);
    badUrl.password = wrong;
    const kubeconfig = await cluster.plane.writeKubeconfig(`${cluster.namespace}-wrong`, wrong);
    for (const role of ['gateway', 'api', 'worker', 'operator'])
      for (const bad of [badUrl.href, badUrl.href.replace('postgres:', 'mysql:')])
        await this.#failed(role, { ...this.#env, KUBECONFIG: kubeconfig, DATABASE_URL: bad });
    receiver.respond = (_request, response) => response.writeHead(500).end();
    const token = await this.#doors.token('last access token');
    await this.#doors.upload(token, transactionsCsv(10), 'orgTransactions');
    await until(async () => this.output().includes('webhook attempt failed') || undefined, 60_000);
    await s3.kill();
    await this.#doors.upload(token, transactionsCsv(10), 'orgTransactions');
    const { database } = cluster;
    const name = new URL(database.url).pathname.slice(1);
    await database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await database.administer(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    await this.#doors.sftp(this.clientId, this.secrets['client secret'] ?? '');
    await this.#doors.ask('/uploads', { headers: { authorization: `Bearer ${token}` } });
    await this.#collectMetrics();
    await database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await until(async () => (await this.#readiness('operator')) || undefined);
  }

  /** What may be read by others: metrics, command lines, reports, tables, resources, traces and logs. */
  async collect(): Promise<void> {
    const { cluster, otlp } = this.#parts;
    await this.#collectMetrics();
    for (const [role, { process, reports }] of this.roles)
      await collectProcesses(`the ${role}`, process.child.pid ?? 0, reports, this.#evidence);
    await collectTables(cluster.database.url, this.#evidence);
    const resources = await cluster.kubectl('get', 'org,se,events,leases,configmaps', '-o', 'json');
    this.#evidence.add('resources and events', resources);
    for (const [role, { process }] of this.roles) {
      await process.stop();
      this.#evidence.add(`output of the ${role}`, process.output());
    }
    for (const body of otlp.bodies) this.#evidence.add('traces', body);
  }

  async close(): Promise<void> {
    for (const { process } of this.roles.values()) await process.stop('SIGKILL');
    await this.#parts.receiver.close();
    await this.#parts.cluster.close();
  }

  async #collectMetrics(): Promise<void> {
    for (const { process } of this.roles.values())
      await collectMetrics(`http://${process.metricsAddress}`, this.#evidence);
  }

  async #readiness(role: string): Promise<boolean> {
    const address = this.roles.get(role)?.process.metricsAddress;
    return (await fetch(`http://${address}/readyz`)).ok;
  }

  /** A start that may fail at once, or never get ready: what it says within some seconds is evidence. */
  async #failed(role: string, env: Readonly<Record<string, string>>): Promise<void> {
    const own = { ...env, PIING_SFTP_PORT: '0', PIING_HTTP_PORT: '0', PIING_METRICS_PORT: '0' };
    const args = ['5', process.execPath, 'src/main.ts', role];
    const { stdout, stderr } = await run('timeout', args, { env: own });
    this.#evidence.add(`a failed start of the ${role}`, stdout + stderr);
  }
}

interface Parts {
  readonly cluster: Cluster;
  readonly s3: TestS3;
  readonly otlp: OtlpReceiver;
  readonly receiver: Receiver;
}

const webhooksTo = ({ url }: Receiver) => [{ name: 'erp', url, secretRef: { name: 'hooks' } }];

async function startTalkative(role: string, env: Readonly<Record<string, string>>): Promise<Role> {
  const reports = await temporaryDirectory(`reports-${role}`);
  const NODE_OPTIONS = `--report-on-signal --report-directory=${reports}`;
  return { process: await startRole(role, { ...env, NODE_OPTIONS }), reports };
}
