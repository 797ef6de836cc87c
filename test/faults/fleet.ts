import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import type { Pool } from '../../src/database/pool.ts';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { isRunning } from '../../src/support/processes.ts';
import { migratedPool } from '../support/database.ts';
import { type Link, startLink } from '../support/link.ts';
import { newBucket, startS3, type TestS3 } from '../support/s3.ts';
import { freePort, stopAtEnd, temporaryDirectory } from '../support/servers.ts';
import { createTenant, type Tenant } from '../support/tenants.ts';
import { until } from '../support/until.ts';

export type Role = 'gateway' | 'api' | 'worker';

/** One process of the product, with its own ways to the database and the store. */
export interface Member {
  readonly name: string;
  readonly role: Role;
  /** Where clients reach it; 0: nobody does. */
  readonly port: number;
  readonly database: Link;
  readonly store: Link;
  /** Where its code is. */
  readonly directory: string;
  process: ChildProcess | undefined;
}

export interface Fleet {
  readonly members: readonly Member[];
  readonly tenants: readonly Tenant[];
  /** For the checker: straight to the database, past every link. */
  readonly pool: Pool;
  readonly s3: TestS3;
  readonly bucket: string;
  /** Starts a member that does not run and waits until it says that it is ready, or for `patienceMs`. */
  start(member: Member, patienceMs?: number): Promise<void>;
  kill(member: Member, signal?: NodeJS.Signals): Promise<void>;
  /** Ends PostgreSQL as a crash does and starts it again: it has to recover. */
  crashDatabase(): Promise<void>;
  /** Everything that the members wrote to their standard error, their ends by themselves among it. */
  readonly log: string[];
}

const COUNTS: Readonly<Record<Role, number>> = { gateway: 2, api: 2, worker: 2 };

export interface FleetOptions {
  /** A directory with another version of this repository: the second of every role runs from there. */
  readonly beside?: string | undefined;
}

/** Two of every role as processes, on a PostgreSQL that syncs and a real S3 server, with a link between all of them. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await temporaryDirectory('faults');
  const databasePort = await freePort();
  const launchDatabase = () =>
    startEmbeddedPostgres({
      directory: join(directory, 'pg'),
      port: databasePort,
      database: 'piing',
      settings: ['max_connections=200'],
    });
  let database: EmbeddedPostgres = await launchDatabase();
  stopAtEnd(() => database.stop());
  const pool = await migratedPool(database.url, { applicationName: 'checker', max: 4 });
  const s3 = await startS3();
  const bucket = await newBucket(s3);
  const keys = join(directory, 'keys');
  await keepHostKeys(keys);
  const tenants = [await createTenant(pool), await createTenant(pool)];
  const log: string[] = [];
  const members: Member[] = [];
  for (const [role, count] of Object.entries(COUNTS) as [Role, number][])
    for (let index = 1; index <= count; index += 1)
      members.push({
        name: `${role}-${index}`,
        role,
        port: role === 'worker' ? 0 : await freePort(),
        database: await startLink(() => databasePort),
        store: await startLink(() => Number(new URL(s3.endpoint).port)),
        directory: index === 2 && options.beside ? options.beside : process.cwd(),
        process: undefined,
      });
  stopAtEnd(async () => {
    for (const member of members) await kill(member);
    for (const { database: link, store } of members) await Promise.all([link.close(), store.close()]);
  });

  const environment = async ({ role, port, database: link, store }: Member) => ({
    PATH: process.env.PATH ?? '',
    DATABASE_URL: withPort(database.url, link.port),
    PIING_RAW_STORE: `s3://${bucket}/files`,
    PIING_S3_ENDPOINT: `http://127.0.0.1:${store.port}`,
    PIING_S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    PIING_HOST_KEYS: join(keys, 'ssh_host_ed25519_key'),
    PIING_BIND_ADDRESS: '127.0.0.1',
    ...(role === 'gateway' ? { PIING_SFTP_PORT: String(port) } : {}),
    ...(role === 'api' ? { PIING_HTTP_PORT: String(port) } : {}),
    PIING_METRICS_PORT: '0',
    PIING_DRAIN_SECONDS: '20',
    PIING_DRAIN_DELAY_SECONDS: '0',
    PIING_LOG_LEVEL: 'error',
  });

  async function start(member: Member, patienceMs = 30_000): Promise<void> {
    if (member.process) return;
    const child = spawn(process.execPath, ['src/main.ts', member.role], {
      cwd: member.directory,
      env: await environment(member),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    member.process = child;
    child.stderr?.on('data', (data: Buffer) => {
      if (log.length < 5_000) log.push(`${member.name}: ${data}`);
    });
    child.once('exit', (code, signal) => {
      if (member.process === child) {
        member.process = undefined;
        log.push(`${member.name}: ended by itself with ${code ?? signal}`);
      }
    });
    if (member.port > 0) await until(() => answers(member.port), patienceMs).catch(() => undefined);
  }

  async function kill(member: Member, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = member.process;
    if (!child) return;
    member.process = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  async function crashDatabase(): Promise<void> {
    const pid = Number(readFileSync(join(directory, 'pg/data/postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    await until(async () => (isRunning(pid) ? undefined : true));
    database = await launchDatabase();
  }

  for (const member of members) await start(member);
  return { members, tenants, pool, s3, bucket, start, kill, crashDatabase, log };
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

async function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(undefined));
  });
}
