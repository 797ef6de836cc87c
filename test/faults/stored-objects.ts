import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { TestS3 } from '../support/s3.ts';

/** What lies in the raw store, seen without the product's own code. Keys are those of the product. */
export interface StoredObjects {
  /** SHA-256 in hex, or why there is none. */
  sha256(key: string): Promise<string>;
  keys(): Promise<string[]>;
  /** Keys of what was begun and neither completed nor removed. */
  unfinished(): Promise<string[]>;
  /** For tests of whoever looks at the store: puts an object, removes one, begins one that is never completed. */
  readonly damage: {
    put(key: string, content: string): Promise<unknown>;
    remove(key: string): Promise<unknown>;
    begin(key: string): Promise<unknown>;
  };
}

/** Of a bucket, below the prefix `files/`. */
export function objectsInBucket({ client }: Pick<TestS3, 'client'>, Bucket: string): StoredObjects {
  const keyOf = (key = '') => key.replace(/^files\//, '');
  return {
    sha256: async (key) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: `files/${key}` }));
        return sha256(Body as AsyncIterable<Uint8Array>);
      } catch (error) {
        return (error as Error).name;
      }
    },
    keys: async () => {
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: token }));
        keys.push(...(page.Contents ?? []).map(({ Key }) => keyOf(Key)));
        token = page.NextContinuationToken;
      } while (token);
      return keys;
    },
    unfinished: async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.map(({ Key }) => keyOf(Key));
    },
    damage: {
      put: (key, Body) => client.send(new PutObjectCommand({ Bucket, Key: `files/${key}`, Body })),
      remove: (key) => client.send(new DeleteObjectCommand({ Bucket, Key: `files/${key}` })),
      begin: (key) => client.send(new CreateMultipartUploadCommand({ Bucket, Key: `files/${key}` })),
    },
  };
}

const PARTIAL = '.partial';

export function objectsInDirectory(directory: string): StoredObjects {
  const files = async () => {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  };
  const isPartial = (name: string) => name.endsWith(PARTIAL);
  const put = async (key: string, content: string) => {
    await mkdir(dirname(join(directory, key)), { recursive: true });
    await writeFile(join(directory, key), content);
  };
  return {
    sha256: (key) =>
      sha256(createReadStream(join(directory, key))).catch(
        (error: NodeJS.ErrnoException) => error.code ?? '',
      ),
    keys: async () => (await files()).filter((key) => !isPartial(key)),
    unfinished: async () => (await files()).filter(isPartial).map((name) => name.slice(0, -PARTIAL.length)),
    damage: { put, remove: (key) => rm(join(directory, key)), begin: (key) => put(`${key}${PARTIAL}`, '') },
  };
}

async function sha256(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(bytes, async (source) => {
    for await (const chunk of source) hash.update(chunk as Uint8Array);
  });
  return hash.digest('hex');
}
