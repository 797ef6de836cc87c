import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { open, readFile, rm, rmdir } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, type RunOptions, run } from '../../support/run.ts';
import { stopAtEnd, stopTestServers, temporaryDirectory } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

const SCRIPTS = join(import.meta.dirname, '..', 'node');
/** node/inner.sh gives it to the client. */
export const CLIENT_ADDRESS = '10.200.0.1';
/** Of cgroups and of the node's directory; the process number of the run follows. */
const PREFIX = 'piing-cluster-';
const NAMESPACES = ['--mount', '--net', '--pid', '--ipc', '--uts', '--cgroup'];
/** No proxy can be reached from inside. */
const WITHOUT_PROXY = ['env', 'NO_PROXY=*', 'no_proxy=*'];

/** Namespaces and cgroups of their own, with a network in which the node is 10.200.0.2 and a client 10.200.0.1. */
export interface Namespaces {
  readonly directory: string;
  /** Starts a server in all of them; its output goes to `NAME.log` in the directory. */
  serve(
    name: string,
    command: string,
    args: readonly string[],
    env?: Record<string, string>,
  ): Promise<Server>;
  /** Runs a program of this machine in the node's network. */
  onNode(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The command line that does so. */
  onNodeCommand(command: string, args: readonly string[]): [string, string[]];
  /** The command line that runs a program in the client's network, outside of the cluster. */
  clientCommand(command: string, args: readonly string[]): [string, string[]];
  /** Runs a program in all of them. */
  inside(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
}

export interface Server {
  readonly name: string;
  /** Asks until there is an answer, unless the server ends. */
  until<Answer>(ask: () => Promise<Answer | undefined>, timeoutMs?: number): Promise<Answer>;
  /** Ends it at once, as a crash does. Servers that it started in process groups of their own go on. */
  kill(): Promise<void>;
  /** Starts it as it was started first, when it has ended. */
  restart(): Promise<void>;
}

/** They end with the tests, and with this process however it ends. */
export async function makeNamespaces(): Promise<Namespaces> {
  await removeLeftBehind();
  stopAtSignals();
  const name = PREFIX + process.pid;
  const directory = await temporaryDirectory(`cluster-${process.pid}`);
  const log = await open(join(directory, 'namespaces.log'), 'a');
  // In a process group of its own: ^C is for mocha, which then ends the node.
  const outer = spawn('setpriv', ['--pdeathsig=KILL', 'bash', join(SCRIPTS, 'outer.sh'), directory, name], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const ended = new Promise<void>((resolve) => outer.once('exit', () => resolve()));
  stopAtEnd(async () => {
    outer.kill('SIGKILL');
    await ended;
    await removeCgroups(name);
  });
  await untilAlive(outer, 'namespaces', directory, async () =>
    existsSync(join(directory, 'ready')) ? true : undefined,
  );
  const first = (await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8')).trim();
  const enter = ['--target', first];
  const all = [...NAMESPACES, ...WITHOUT_PROXY, 'bash', join(SCRIPTS, 'join.sh')];
  const onNodeCommand = (command: string, args: readonly string[]): [string, string[]] => [
    'nsenter',
    [...enter, '--net', ...WITHOUT_PROXY, command, ...args],
  ];
  return {
    directory,
    serve: (server, command, args, env) =>
      serve(directory, server, [...enter, ...all, command, ...args], env),
    onNode: (command, args, options) => run(...onNodeCommand(command, args), options),
    onNodeCommand,
    clientCommand: (command, args) => [
      'nsenter',
      [`--net=/proc/${first}/root/run/netns/client`, command, ...args],
    ],
    inside: (command, args, options) => run('nsenter', [...enter, ...all, command, ...args], options),
  };
}

async function serve(
  directory: string,
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Server> {
  const start = async () => {
    const log = await open(join(directory, `${name}.log`), 'a');
    // nsenter and what it starts are a process group.
    const started = spawn('nsenter', args, {
      cwd: directory,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    return started;
  };
  let child = await start();
  return {
    name,
    until: (ask, timeoutMs) => untilAlive(child, name, directory, ask, timeoutMs),
    kill: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      process.kill(-Number(child.pid), 'SIGKILL');
      await ended;
    },
    restart: async () => {
      child = await start();
    },
  };
}

async function untilAlive<Answer>(
  child: ChildProcess,
  name: string,
  directory: string,
  ask: () => Promise<Answer | undefined>,
  timeoutMs = 120_000,
): Promise<Answer> {
  try {
    return await until(async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended`);
      return ask();
    }, timeoutMs);
  } catch (error) {
    const log = readFileSync(join(directory, `${name}.log`), 'utf8')
      .trim()
      .split('\n')
      .slice(-8)
      .join('\n');
    throw new Error(`${name} did not start:\n${log}`, { cause: error });
  }
}

/** mocha would end at once, and leave what the namespaces' end does not take along. */
function stopAtSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, async () => {
      await stopTestServers().catch(() => undefined);
      process.exit(128 + constants.signals[signal]);
    });
}

/** What runs left that were killed before they could tidy up. */
async function removeLeftBehind(): Promise<void> {
  const isLeft = (name: string) => {
    const run = name.startsWith(PREFIX) && name.slice(PREFIX.length).split('-')[0];
    return run && !existsSync(`/proc/${run}`);
  };
  const cgroups = new Set(cgroupMounts().flatMap((mount) => readdirSync(mount).filter(isLeft)));
  for (const name of cgroups) await removeCgroups(name);
  for (const name of readdirSync(tmpdir()).filter(isLeft))
    await rm(join(tmpdir(), name), { recursive: true, force: true });
}

async function removeCgroups(name: string): Promise<void> {
  const trees = cgroupMounts().map((mount) => join(mount, name));
  await until(async () => {
    for (const tree of trees.filter(existsSync)) await removeTree(tree).catch(() => undefined);
    return trees.some(existsSync) ? undefined : true;
  }, 20_000);
}

/** The cgroup of this process in each hierarchy, which the node's is below of. */
function cgroupMounts(): string[] {
  return readFileSync('/proc/self/cgroup', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, controllers]) => controllers)
    .map(([, controllers, path]) =>
      join('/sys/fs/cgroup', controllers?.replace('name=', '') ?? '', path ?? ''),
    );
}

/** Only directories can be removed from there. */
async function removeTree(directory: string): Promise<void> {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  await rmdir(directory);
}
