import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/run.ts';

/** What an image says of itself, as the OCI image specification has it. */
export interface ImageConfig {
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly StopSignal: string;
    readonly ExposedPorts: Readonly<Record<string, object>>;
    readonly Labels: Readonly<Record<string, string>>;
  };
}

export interface UnpackedImage {
  readonly config: ImageConfig;
  /** Its files. */
  readonly root: string;
  /** A directory that containers see as /run/piing. */
  readonly shared: string;
  remove(): Promise<void>;
}

/** Unpacks the layers of a docker-archive, one over the other. */
export async function unpackImage(archive: string): Promise<UnpackedImage> {
  const directory = await mkdtemp(join(tmpdir(), 'piing-image-'));
  const must = async (command: string, ...args: readonly string[]) => {
    const { code, stderr } = await run(command, args);
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  };
  await must('tar', '-xf', archive, '-C', directory);
  const [manifest] = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
  const root = join(directory, 'root');
  const shared = join(root, 'run', 'piing');
  await mkdir(root);
  for (const layer of manifest.Layers) await must('tar', '-xpf', join(directory, layer), '-C', root);
  await mkdir(shared, { recursive: true });
  return {
    root,
    shared,
    config: JSON.parse(await readFile(join(directory, manifest.Config), 'utf8')) as ImageConfig,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/**
 * As a container engine does it: namespaces of its own for mounts and processes, so that the program is process 1; the
 * image's user without capabilities; a root that cannot be written, and an empty /tmp. The network is this machine's.
 */
const ENTER = `
set -e
mount --bind "$ROOT" "$ROOT"
mount --rbind /dev "$ROOT/dev"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount -o remount,bind,ro "$ROOT"
cd "$ROOT"
ulimit -S -c "$(ulimit -H -c)"
exec env -i "$@"
`;

export interface Container {
  readonly child: ChildProcess;
  /** What it wrote to both outputs. */
  output(): string;
  /** Exit code; a signal's number and 128 when one ended it. */
  readonly ended: Promise<number | null>;
  /** To the first process, from outside, as an engine sends it. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** User, capabilities and so on, of /proc. */
  status(): Promise<string>;
  /** What it may use at the most, of /proc. */
  limits(): Promise<string>;
}

/** Runs `command` in the image, or its entry point with arguments. */
export function startContainer(
  { root, config: { config } }: UnpackedImage,
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly command?: readonly string[] } = {},
): Container {
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const user = `--userspec=${config.User}`;
  const chroot = ['chroot', user, '--groups=', root, ...inDirectory(config.WorkingDir)];
  const command = [...(options.command ?? config.Entrypoint), ...args];
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', 'sh', '-c', ENTER, 'sh']
      .concat(config.Env, variables, chroot)
      .concat(command),
    { env: { ...process.env, ROOT: root }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => {
      output += data;
    });
  const first = async () => {
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    return Number(children.trim().split(' ')[0]);
  };
  return {
    child,
    output: () => output,
    ended: new Promise((resolve) => child.once('close', resolve)),
    signal: async (name) => {
      process.kill(await first(), name);
    },
    status: async () => readFile(`/proc/${await first()}/status`, 'utf8'),
    limits: async () => readFile(`/proc/${await first()}/limits`, 'utf8'),
  };
}

/** chroot(1) starts in the root. */
function inDirectory(directory: string): string[] {
  return ['/bin/sh', '-c', `cd ${directory} && exec "$@"`, 'sh'];
}
