import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { buildGoTools } from '../../tools/go-tools.mjs';
import { type Ran, run } from './run.ts';
import { freePort, stopAtEnd, temporaryDirectory } from './servers.ts';
import { until } from './until.ts';

/** What the API server noted about a request that it answered. */
export interface AuditEntry {
  readonly verb: string;
  readonly user: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly code: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly answeredAt: number;
}

/** A real kube-apiserver on a real etcd, and the kubectl to use it. */
export interface ControlPlane {
  readonly port: number;
  /** The directory of kubectl. */
  readonly programs: string;
  /** Of a user who may do everything. */
  readonly kubeconfig: string;
  /** A kubeconfig for a bearer token, perhaps by way of a proxy on another port. */
  writeKubeconfig(name: string, token: { file: string } | string, port?: number): Promise<string>;
  /** Reaches the API server without a kubeconfig. */
  readonly flags: readonly string[];
  kubectl(args: readonly string[], input?: string): Promise<Ran>;
  /** The same, and fails with what kubectl said unless it succeeded. */
  mustKubectl(args: readonly string[], input?: string): Promise<string>;
  /** Ends the API server at once, as a crash would; etcd keeps running. */
  killApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** Makes etcd forget everything but the present. */
  compact(): Promise<void>;
  /** Requests that were answered since the API server was first started. */
  audit(): Promise<AuditEntry[]>;
}

const ADMIN_TOKEN = randomBytes(16).toString('hex');

/** Metadata of every request of every user but the API server's own, once it has been answered. */
const AUDIT_POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: None
    users: [system:apiserver, admin]
  - level: Metadata
`;

let shared: Promise<ControlPlane> | undefined;

/** The one control plane of a test run, with this project's CRDs. */
export function testControlPlane(): Promise<ControlPlane> {
  shared ??= startControlPlane();
  return shared;
}

/** The directory of etcd, kube-apiserver and kubectl; `KUBEBUILDER_ASSETS` first, as in other operators' tests. */
function assets(): string {
  const given = process.env.KUBEBUILDER_ASSETS;
  const wanted = ['etcd', 'kube-apiserver', 'kubectl'];
  if (given && wanted.every((program) => existsSync(join(given, program)))) return given;
  return buildGoTools('kubernetes');
}

async function startControlPlane(): Promise<ControlPlane> {
  const bin = assets();
  const directory = await temporaryDirectory('control-plane');
  const etcdUrl = await startEtcd(bin, directory);
  const port = await freePort();
  const args = await apiServerArguments(directory, etcdUrl, port);
  let server: ChildProcess | undefined;
  const kill = async () => {
    await end(server);
    server = undefined;
  };
  const start = async () => {
    const log = await open(join(directory, 'kube-apiserver.log'), 'a');
    server = spawn(join(bin, 'kube-apiserver'), args, { stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    await untilReady(server, port, directory);
  };
  stopAtEnd(kill);
  await start();
  const writeKubeconfig = (name: string, token: { file: string } | string, by = port) =>
    writeConfig(directory, name, token, by);
  const kubeconfig = await writeKubeconfig('admin', ADMIN_TOKEN);
  const kubectl = (given: readonly string[], input = '') =>
    run(join(bin, 'kubectl'), given, { input, env: { KUBECONFIG: kubeconfig, HOME: directory } });
  const plane: ControlPlane = {
    port,
    programs: bin,
    kubeconfig,
    writeKubeconfig,
    flags: [
      `--server=https://127.0.0.1:${port}`,
      `--certificate-authority=${join(directory, 'certificates', 'apiserver.crt')}`,
    ],
    kubectl,
    mustKubectl: async (given, input) => {
      const { code, stdout, stderr } = await kubectl(given, input);
      if (code !== 0) throw new Error(`kubectl ${given.join(' ')}: ${stderr}`);
      return stdout;
    },
    killApiServer: kill,
    startApiServer: start,
    compact: () => compact(etcdUrl),
    audit: () => readAudit(directory),
  };
  await plane.mustKubectl(['apply', '--server-side', '-f', 'crds/']);
  await plane.mustKubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=120s']);
  // Discovery follows a moment later.
  await until(async () => ((await kubectl(['get', 'piing', '-A'])).code === 0 ? true : undefined));
  return plane;
}

/** What the operator and tests use in this process. */
export function loadKubeconfig(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

async function startEtcd(bin: string, directory: string): Promise<string> {
  const client = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const args = [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
  const server = spawn(join(bin, 'etcd'), args, { stdio: 'ignore' });
  stopAtEnd(() => end(server));
  await until(async () => ((await fetch(`${client}/health`).catch(() => undefined))?.ok ? true : undefined));
  return client;
}

async function apiServerArguments(directory: string, etcdUrl: string, port: number): Promise<string[]> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const key = join(directory, 'sa.key');
  await writeFile(key, privateKey.export({ format: 'pem', type: 'pkcs1' }), { mode: 0o600 });
  await writeFile(join(directory, 'tokens.csv'), `${ADMIN_TOKEN},admin,admin,system:masters\n`, {
    mode: 0o600,
  });
  await writeFile(join(directory, 'audit.yaml'), AUDIT_POLICY);
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(directory, 'certificates')}`,
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    `--audit-policy-file=${join(directory, 'audit.yaml')}`,
    `--audit-log-path=${join(directory, 'audit.log')}`,
    '--v=0',
  ];
}

async function untilReady(server: ChildProcess, port: number, directory: string): Promise<void> {
  await until(async () => {
    if (server.exitCode !== null)
      throw new Error(`kube-apiserver ended with ${server.exitCode}: see ${directory}/kube-apiserver.log`);
    const answer = await run('curl', ['-sk', '-m', '2', `https://127.0.0.1:${port}/readyz`]);
    return answer.stdout === 'ok' ? true : undefined;
  }, 60_000);
}

async function writeConfig(
  directory: string,
  name: string,
  token: { file: string } | string,
  port: number,
): Promise<string> {
  const path = join(directory, `${name}.kubeconfig`);
  const user =
    typeof token === 'string'
      ? { token }
      : { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token.file } } };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority': join(directory, 'certificates', 'apiserver.crt'),
        },
      },
    ],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user', namespace: 'default' } }],
    'current-context': 'test',
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: unknown) => {
    const response = await fetch(etcdUrl + path, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd ${path}: ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  };
  const { header } = await post('/v3/kv/range', { key: Buffer.from('x').toString('base64') });
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}

interface RawAudit {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

async function readAudit(directory: string): Promise<AuditEntry[]> {
  const text = await readFile(join(directory, 'audit.log'), 'utf8');
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  return lines.map((line) => {
    const entry = JSON.parse(line) as RawAudit;
    return {
      verb: entry.verb,
      user: entry.user.username,
      resource: entry.objectRef?.resource ?? '',
      subresource: entry.objectRef?.subresource,
      namespace: entry.objectRef?.namespace,
      name: entry.objectRef?.name,
      code: entry.responseStatus?.code ?? 0,
      receivedAt: Date.parse(entry.requestReceivedTimestamp),
      answeredAt: Date.parse(entry.stageTimestamp),
    };
  });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
