import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `.ci/run` installs for this suite, as programs of Debian packages. */
const PROGRAMS = [
  'containerd',
  'ctr',
  'runc',
  'conntrack',
  'ip',
  'iptables',
  'nft',
  'buildah',
  'mmdebstrap',
  'openssl',
  'sshpass',
  'sftp',
];
export const CNI_PROGRAMS = '/usr/lib/cni';

/** Controllers of cgroup version 1 that kubelet and runc use. */
const CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];

/**
 * What keeps this machine from ever being a node, in a sentence: whether it may have namespaces, mounts and cgroups is
 * decided by whoever runs the machine, and no package mends it.
 */
export function whatForbidsANode(): string | undefined {
  if (process.platform !== 'linux') return 'a Kubernetes node needs Linux';
  if (process.getuid?.() !== 0) return 'a Kubernetes node needs root';
  const ours = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(':')[1]?.split(',') ?? []);
  const absent = CONTROLLERS.filter((controller) => !ours.includes(controller));
  if (absent.length > 0)
    return `this suite's node needs cgroup version 1, and its controllers ${absent.join(', ')} are not here`;
  return refusedByTheKernel();
}

/** Programs that a package would bring. */
export function missingPrograms(): string[] {
  const missing = PROGRAMS.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return existsSync(join(CNI_PROGRAMS, 'bridge')) ? missing : [...missing, `${CNI_PROGRAMS}/bridge`];
}

function refusedByTheKernel(): string | undefined {
  const namespaces = ['--mount', '--net', '--pid', '--ipc', '--uts', '--cgroup', '--fork', '--mount-proc'];
  const probe = join(import.meta.dirname, '..', 'node', 'probe.sh');
  const { status, stdout, stderr } = spawnSync('unshare', [...namespaces, 'bash', probe], {
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  const [refused, detail] = [stdout, stderr].map((text) => text?.trim().split('\n')[0]);
  return `${refused || 'namespaces are refused'} here (${detail || 'unshare did not run'})`;
}
