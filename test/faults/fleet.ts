import { join } from 'node:path';
import type { Pool } from '../../src/database/pool.ts';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { faketimeLibrary, makeClock } from '../support/clock.ts';
import { poolOn } from '../support/database.ts';
import { startLink } from '../support/link.ts';
import { run } from '../support/run.ts';
import { freePort, stopAtEnd, temporaryDirectory } from '../support/servers.ts';
import { createTenant, type Tenant } from '../support/tenants.ts';
import { Member, type Role } from './member.ts';
import { type FaultyDatabase, type FaultyStore, startFaultyDatabase, startFaultyStore } from './world.ts';

export interface Fleet {
  readonly members: readonly Member[];
  readonly tenants: readonly Tenant[];
  readonly database: FaultyDatabase;
  readonly store: FaultyStore;
  /** For the checker: straight to the database, past every link. */
  readonly pool: Pool;
  /** What the members wrote to their standard error last, their ends by themselves among it. */
  readonly log: readonly string[];
}

/** On a machine that does a lot else. */
const START_MS = 120_000;
const TWO_OF_EACH: Readonly<Record<Role, number>> = { gateway: 2, api: 2, worker: 2 };

export interface FleetOptions {
  readonly store?: 's3' | 'directory' | undefined;
  /** A directory with another version of this repository: the second of every role runs from there. */
  readonly beside?: string | undefined;
  /** A directory with the version that all of them run, on tables that it made. */
  readonly directory?: string | undefined;
  readonly counts?: Readonly<Record<Role, number>>;
  /** Whether database and store get disks of their own, which can be filled; default true. */
  readonly disks?: boolean;
}

/** Some of every role as processes, on a PostgreSQL that syncs and a real store, with a link between all of them. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await temporaryDirectory('faults');
  const disks = options.disks ?? true;
  const database = await startFaultyDatabase(directory, disks);
  const pool = poolOn(database.url, { applicationName: 'checker', max: 4 });
  await migrateBy(options.directory ?? process.cwd(), database.url);
  const store = await startFaultyStore(options.store ?? 's3', directory, disks);
  const keys = join(directory, 'keys');
  await keepHostKeys(keys);
  const tenants = [await createTenant(pool), await createTenant(pool)];
  const log: string[] = [];

  async function recruit(role: Role, index: number): Promise<Member> {
    const name = `${role}-${index}`;
    const port = role === 'worker' ? 0 : await freePort();
    const toDatabase = await startLink(() => database.port);
    const storePort = store.port;
    const toStore = storePort === undefined ? undefined : await startLink(() => storePort);
    const library = faketimeLibrary();
    const clock = library ? await makeClock(library, join(directory, `clock-of-${name}`)) : undefined;
    const environment = {
      DATABASE_URL: withPort(database.url, toDatabase.port),
      ...store.environment(toStore?.port ?? 0),
      PIING_HOST_KEYS: join(keys, 'ssh_host_ed25519_key'),
      PIING_BIND_ADDRESS: '127.0.0.1',
      ...(role === 'gateway' ? { PIING_SFTP_PORT: String(port) } : {}),
      ...(role === 'api' ? { PIING_HTTP_PORT: String(port) } : {}),
      PIING_METRICS_PORT: '0',
      PIING_DRAIN_SECONDS: '20',
      PIING_DRAIN_DELAY_SECONDS: '0',
      PIING_LOG_LEVEL: 'error',
    };
    const home = (index === 2 ? options.beside : undefined) ?? options.directory ?? process.cwd();
    return new Member(
      { name, role, port, database: toDatabase, store: toStore, clock, environment, log },
      home,
    );
  }

  const members: Member[] = [];
  for (const [role, count] of Object.entries(options.counts ?? TWO_OF_EACH) as [Role, number][])
    for (let index = 1; index <= count; index += 1) members.push(await recruit(role, index));
  stopAtEnd(async () => {
    for (const member of members) await member.end();
    for (const member of members) await Promise.all([member.database.close(), member.store?.close()]);
  });
  await Promise.all(members.map((member) => member.start(START_MS)));
  return { members, tenants, database, store, pool, log };
}

/** Brings the tables to what the version in a directory needs. */
export async function migrateBy(directory: string, url: string): Promise<void> {
  const env = { DATABASE_URL: url };
  const { code, stderr } = await run(process.execPath, ['src/main.ts', 'migrate'], { cwd: directory, env });
  if (code !== 0) throw new Error(`piing migrate in ${directory}: ${stderr}`);
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
