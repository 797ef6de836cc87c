import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGoTools } from '../../../tools/go-tools.mjs';
import { NODE_ADDRESS } from './control-plane.ts';
import type { Namespaces, Server } from './namespaces.ts';
import type { Node } from './node.ts';
import { type Postgres, startPostgres } from './postgres.ts';

export const S3_PORT = 7_070;
export const BUCKET = 'piing-raw';

/** An S3 server beside kubelet, as a cloud has it beside the cluster. */
interface ObjectStore {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly server: Server;
  /** Paths of all objects, and of parts of those that are not complete. */
  objects(): Promise<string[]>;
}

export type Stores = Postgres & ObjectStore;

export async function startStores(node: Node): Promise<Stores> {
  const [postgres, s3] = await Promise.all([startPostgres(node), startS3(node)]);
  return { ...postgres, ...s3 };
}

async function startS3({ directory, serve, onNode }: Namespaces): Promise<ObjectStore> {
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
  return { accessKeyId, secretAccessKey, server, objects };
}
