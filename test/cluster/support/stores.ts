import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { buildGoTools } from '../../../tools/go-tools.mjs';
import { stopAtEnd } from '../../support/servers.ts';
import { NODE_ADDRESS } from './control-plane.ts';
import type { Namespaces } from './namespaces.ts';

const POSTGRES_PORT = 5_432;
const S3_PORT = 7_070;
const BUCKET = 'piing-raw';

/** PostgreSQL and an S3 server beside kubelet, as a cloud would have them beside the cluster. */
export interface Stores {
  /** As pods reach it. */
  readonly databaseUrl: string;
  readonly bucketUrl: string;
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The database, as this process reaches it: by a Unix socket, which no network namespace hides. */
  readonly pool: pg.Pool;
  /** Paths of all objects, and of parts of those that are not complete. */
  objects(): Promise<string[]>;
}

export async function startStores(namespaces: Namespaces): Promise<Stores> {
  const [postgres, s3] = await Promise.all([startPostgres(namespaces), startS3(namespaces)]);
  return { ...postgres, ...s3 };
}

async function startPostgres({
  directory,
  serve,
}: Namespaces): Promise<Pick<Stores, 'databaseUrl' | 'pool'>> {
  const home = join(directory, 'postgres');
  const script = join(import.meta.dirname, '..', 'node', 'postgres.ts');
  const server = await serve('postgres', process.execPath, [script, home, String(POSTGRES_PORT)]);
  // The password is there before the server.
  const connect = async () => {
    const password = (await readFile(join(home, 'password'), 'utf8')).trim();
    const pool = new pg.Pool({
      host: home,
      port: POSTGRES_PORT,
      user: 'postgres',
      password,
      database: 'piing',
    });
    pool.on('error', () => undefined);
    await pool.query('SELECT 1').catch(async (error: unknown) => {
      await pool.end();
      throw error;
    });
    return { pool, password };
  };
  const { pool, password } = await server.until(() => connect().catch(() => undefined));
  stopAtEnd(() => pool.end());
  return { pool, databaseUrl: `postgres://postgres:${password}@${NODE_ADDRESS}:${POSTGRES_PORT}/piing` };
}

async function startS3({
  directory,
  serve,
  onNode,
}: Namespaces): Promise<Omit<Stores, 'databaseUrl' | 'pool'>> {
  // To this server a directory is a bucket, and a file in it an object.
  const bucket = join(directory, 's3', BUCKET);
  await mkdir(bucket, { recursive: true });
  const accessKeyId = 'test';
  const secretAccessKey = randomBytes(16).toString('hex');
  const address = `${NODE_ADDRESS}:${S3_PORT}`;
  const server = await serve(
    'versitygw',
    join(buildGoTools('s3'), 'versitygw'),
    ['--quiet', '--port', address, 'posix', join(directory, 's3')],
    { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  );
  const endpoint = `http://${address}`;
  await server.until(async () => ((await onNode('curl', ['-s', endpoint])).code === 0 ? true : undefined));
  const objects = async () => {
    const entries = await readdir(bucket, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  };
  return { bucketUrl: `s3://${BUCKET}`, endpoint, accessKeyId, secretAccessKey, objects };
}
