import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { isRunning } from '../../src/support/processes.ts';
import { type Clock, faketimeLibrary, makeClock } from '../support/clock.ts';
import { mountSmallDisk, type SmallDisk } from '../support/disk.ts';
import { run } from '../support/run.ts';
import { newBucket, startS3 } from '../support/s3.ts';
import { freePort, stopAtEnd } from '../support/servers.ts';
import { until, untilDone } from '../support/until.ts';
import { objectsInBucket, objectsInDirectory, type StoredObjects } from './stored-objects.ts';

const DATABASE_MEGABYTES = 6_000;
const STORE_MEGABYTES = 4_000;

/** PostgreSQL that syncs, on a disk and by a clock of its own where this machine lets them be had. */
export interface FaultyDatabase {
  readonly url: string;
  readonly port: number;
  readonly disk: SmallDisk | undefined;
  readonly clock: Clock | undefined;
  /** Ends it as a crash does and starts it again: it has to recover. */
  crash(): Promise<void>;
  /** Starts it again when it has ended by itself. */
  revive(): Promise<void>;
  /** Process numbers of the server and all that work for it. */
  processes(): Promise<number[]>;
}

export async function startFaultyDatabase(directory: string, disks: boolean): Promise<FaultyDatabase> {
  const disk = disks ? await mountSmallDisk(join(directory, 'database'), DATABASE_MEGABYTES) : undefined;
  const library = faketimeLibrary();
  const clock = library ? await makeClock(library, join(directory, 'clock-of-database')) : undefined;
  const home = join(disk?.directory ?? directory, 'pg');
  const port = await freePort();
  const launch = () =>
    startEmbeddedPostgres({
      directory: home,
      port,
      database: 'piing',
      settings: ['max_connections=200', 'max_wal_size=512MB'],
      environment: clock?.environment ?? {},
    });
  let server: EmbeddedPostgres = await launch();
  stopAtEnd(() => server.stop());
  const mainProcess = () => Number(readFileSync(join(home, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  let pid = mainProcess();
  const revive = async () => {
    if (isRunning(pid)) return;
    server = await launch();
    pid = mainProcess();
  };
  return {
    url: server.url,
    ...{ port, disk, clock, revive },
    crash: async () => {
      if (isRunning(pid)) process.kill(pid, 'SIGQUIT');
      await until(async () => (isRunning(pid) ? undefined : true), 60_000);
      // It does not come back while something else keeps it from doing so, as a full disk does.
      await untilDone(revive, 120_000, 500);
    },
    processes: async () => {
      const { stdout } = await run('ps', ['--ppid', String(pid), '-o', 'pid=']);
      return [pid, ...stdout.split('\n').map(Number).filter(Boolean)];
    },
  };
}

/** Where files are kept, for all processes together. */
export interface FaultyStore {
  readonly objects: StoredObjects;
  readonly disk: SmallDisk | undefined;
  /** Port of the S3 server; undefined: a directory that all share. */
  readonly port: number | undefined;
  /** How a process reaches it, whose link to the S3 server is at `linkPort`. */
  environment(linkPort: number): Record<string, string>;
}

export async function startFaultyStore(
  kind: 's3' | 'directory',
  directory: string,
  disks: boolean,
): Promise<FaultyStore> {
  const home = join(directory, 'store');
  const disk = disks ? await mountSmallDisk(home, STORE_MEGABYTES) : undefined;
  const files = join(home, 'objects');
  await mkdir(files, { recursive: true });
  if (kind === 'directory')
    return {
      ...{ objects: objectsInDirectory(files), disk, port: undefined },
      environment: () => ({ PIING_RAW_STORE: files }),
    };
  const s3 = await startS3(files);
  const bucket = await newBucket(s3);
  return {
    ...{ objects: objectsInBucket(s3, bucket), disk, port: Number(new URL(s3.endpoint).port) },
    environment: (linkPort) => ({
      PIING_RAW_STORE: `s3://${bucket}/files`,
      PIING_S3_ENDPOINT: `http://127.0.0.1:${linkPort}`,
      PIING_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    }),
  };
}
