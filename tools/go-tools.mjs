// Builds the Go programs that the tests use into .tools/, once for each version of their modules and sources.
// Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));
const bin = join(tools, '..', '.tools');

// Without them the API server calls itself v0.0.0, which the chart's kubeVersion refuses.
const KUBERNETES_VERSION = [
  `gitVersion=${required('kubernetes', 'k8s.io/kubernetes')}`,
  'gitMajor=1',
  `gitMinor=${minor(required('kubernetes', 'k8s.io/kubernetes'))}`,
].map((variable) => `-X=k8s.io/component-base/version.${variable}`);

/** Modules of their own, because what they require clashes. Programs by name, with the package of each. */
const MODULES = {
  s3: {
    directory: tools,
    programs: { versitygw: 'github.com/versity/versitygw/cmd/versitygw' },
    what: 'the S3 server (about a minute)',
  },
  'sftp-clients': {
    directory: join(tools, 'sftp-clients'),
    programs: { gosftp: './gosftp', rclone: './rclone' },
    what: 'SFTP clients (about 20 s)',
  },
  helm: {
    directory: join(tools, 'helm'),
    programs: {
      helm: 'helm.sh/helm/v3/cmd/helm',
      'helm-docs': 'github.com/norwoodj/helm-docs/cmd/helm-docs',
    },
    // As Helm's own Makefile sets them: the version of Kubernetes that `helm template` and `helm lint` assume.
    ldflags: ['lint/rules', 'chartutil'].flatMap((name) => [
      `-X=helm.sh/helm/v3/pkg/${name}.k8sVersionMajor=1`,
      `-X=helm.sh/helm/v3/pkg/${name}.k8sVersionMinor=${minor(required('helm', 'k8s.io/client-go'))}`,
    ]),
    what: 'Helm (about 2 minutes)',
  },
  kubernetes: {
    directory: join(tools, 'kubernetes'),
    programs: {
      etcd: 'go.etcd.io/etcd/server/v3',
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    },
    ldflags: KUBERNETES_VERSION,
    what: 'a Kubernetes control plane (about 8 minutes)',
  },
  // The rest of a node, for test/cluster only.
  'kubernetes-node': {
    directory: join(tools, 'kubernetes'),
    programs: {
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
    },
    ldflags: KUBERNETES_VERSION,
    what: 'a Kubernetes node (about 10 minutes)',
  },
  cluster: {
    directory: join(tools, 'cluster'),
    programs: { coredns: './coredns', pause: './pause' },
    // pause is alone in its image: no C library there.
    env: { CGO_ENABLED: '0' },
    what: 'name service and pause image of a cluster (about a minute)',
  },
};

export function buildGoTools(name) {
  const { directory, programs, what, ldflags = [], env = {} } = MODULES[name];
  const stamp = join(bin, `${name}.sha256`);
  const wanted = fingerprint(directory, ldflags);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return bin;
  console.error(`Building ${what} for tests from Go modules, once …`);
  mkdirSync(bin, { recursive: true });
  for (const [program, source] of Object.entries(programs)) {
    const flags = ['-s', '-w', ...ldflags].join(' ');
    // Under a name of its own until it is whole: the old one may be running.
    const unfinished = join(bin, `.${program}.${process.pid}`);
    const args = ['build', '-trimpath', `-ldflags=${flags}`, '-o', unfinished, source];
    const result = spawnSync('go', args, {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: ['ignore', 2, 2],
    });
    if (result.error) throw new Error(`Go is needed to build ${what}: ${result.error.message}`);
    if (result.status !== 0) throw new Error(`go build ${source} failed: see its message above.`);
    renameSync(unfinished, join(bin, program));
  }
  writeFileSync(stamp, wanted);
  return bin;
}

/** Which version of a module a go.mod of tools/ pins. */
function required(directory, module) {
  const text = readFileSync(join(tools, directory, 'go.mod'), 'utf8');
  const [, version] =
    text
      .split('\n')
      .map((line) => line.trim().split(' '))
      .find(([name]) => name === module) ?? [];
  if (!version) throw new Error(`tools/${directory}/go.mod does not require ${module}.`);
  return version;
}

function minor(version) {
  return version.split('.')[1];
}

function fingerprint(directory, ldflags) {
  const hash = createHash('sha256')
    .update(readFileSync(join(directory, 'go.sum')))
    .update(ldflags.join(' '));
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const main = join(directory, entry.name, 'main.go');
    if (entry.isDirectory() && existsSync(main)) hash.update(readFileSync(main));
  }
  return hash.digest('hex');
}
