import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../support/run.ts';
import type { Namespaces } from './namespaces.ts';

export const NODE_NAME = 'piing-node';
export const NODE_ADDRESS = '10.200.0.2';
export const POD_RANGE = '10.244.0.0/16';
const SERVICE_RANGE = '10.96.0.0/16';
const API_SERVER = `https://${NODE_ADDRESS}:6443`;

/** Who is who: user and group by which each part of Kubernetes is known to the API server. */
const USERS = {
  admin: ['admin', 'system:masters'],
  'kube-controller-manager': ['system:kube-controller-manager', ''],
  'kube-scheduler': ['system:kube-scheduler', ''],
  'kube-proxy': ['system:kube-proxy', ''],
  kubelet: [`system:node:${NODE_NAME}`, 'system:nodes'],
} as const;

export type Component = keyof typeof USERS;

export interface ControlPlane {
  /** Path of the kubeconfig of one of them. */
  kubeconfig(component: Component): string;
  /** By which kubelet knows the API server. */
  readonly kubeletClientCertificate: string;
}

/** etcd, API server, controller manager and scheduler, inside. */
export async function startControlPlane(
  { directory, serve, onNode }: Namespaces,
  programs: string,
): Promise<ControlPlane> {
  const keys = join(directory, 'keys');
  await mkdir(keys, { mode: 0o700 });
  await writeUsers(keys);
  await makeKeys(keys);
  const kubeconfig = (component: Component) => join(keys, `${component}.kubeconfig`);
  const etcd = await serve('etcd', join(programs, 'etcd'), [
    `--data-dir=${join(directory, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
  await etcd.until(async () => {
    const answer = await onNode('curl', ['-s', '-m', '2', 'http://127.0.0.1:2379/health']);
    return answer.stdout.includes('true') ? true : undefined;
  });
  const apiServer = await serve('kube-apiserver', join(programs, 'kube-apiserver'), [
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${NODE_ADDRESS}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--authorization-mode=Node,RBAC',
    `--token-auth-file=${join(keys, 'tokens.csv')}`,
    `--cert-dir=${keys}`,
    `--service-account-key-file=${join(keys, 'service-accounts.key')}`,
    `--service-account-signing-key-file=${join(keys, 'service-accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--kubelet-client-certificate=${join(keys, 'kubelet-client.crt')}`,
    `--kubelet-client-key=${join(keys, 'kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ]);
  await apiServer.until(async () => {
    const answer = await onNode('curl', ['-sk', '-m', '2', `${API_SERVER}/readyz`]);
    return answer.stdout === 'ok' ? true : undefined;
  });
  await serve('kube-controller-manager', join(programs, 'kube-controller-manager'), [
    `--kubeconfig=${kubeconfig('kube-controller-manager')}`,
    `--service-account-private-key-file=${join(keys, 'service-accounts.key')}`,
    `--root-ca-file=${join(keys, 'apiserver.crt')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
  ]);
  await serve('kube-scheduler', join(programs, 'kube-scheduler'), [
    `--kubeconfig=${kubeconfig('kube-scheduler')}`,
    '--leader-elect=false',
  ]);
  return { kubeconfig, kubeletClientCertificate: join(keys, 'kubelet-client.crt') };
}

async function writeUsers(keys: string): Promise<void> {
  const tokens: string[] = [];
  for (const [component, [user, group]] of Object.entries(USERS)) {
    const token = randomBytes(16).toString('hex');
    tokens.push(`${token},${user},${user},${group}\n`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      // The API server makes its own certificate, which is its own authority.
      clusters: [
        {
          name: 'test',
          cluster: { server: API_SERVER, 'certificate-authority': join(keys, 'apiserver.crt') },
        },
      ],
      users: [{ name: component, user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: component } }],
      'current-context': 'test',
    };
    await writeFile(join(keys, `${component}.kubeconfig`), JSON.stringify(config), { mode: 0o600 });
  }
  await writeFile(join(keys, 'tokens.csv'), tokens.join(''), { mode: 0o600 });
}

async function makeKeys(keys: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = privateKey.export({ format: 'pem', type: 'pkcs1' });
  await writeFile(join(keys, 'service-accounts.key'), pem, { mode: 0o600 });
  const subject = ['-subj', '/O=system:masters/CN=kube-apiserver', '-days', '2'];
  const files = ['-keyout', join(keys, 'kubelet-client.key'), '-out', join(keys, 'kubelet-client.crt')];
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-addext', 'extendedKeyUsage=clientAuth'],
    ...subject,
    ...files,
  ]);
  if (made.code !== 0) throw new Error(`openssl: ${made.stderr}`);
}
