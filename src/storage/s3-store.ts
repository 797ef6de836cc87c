import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { DEFAULT_PART_MEMORY_BYTES, MemoryTakenError, PartMemory, type PartShare } from './part-memory.ts';
import {
  checkPrefix,
  ObjectNotFoundError,
  PART_BYTES,
  type RawObjectWriter,
  type RawStore,
} from './raw-store.ts';
import { listObjects } from './s3-listing.ts';
import { removeBelow, removeObjects, unavailable } from './s3-removal.ts';

/** Not counted, so that small files never wait for the memory that large ones hold. */
export const FIRST_BUFFER_BYTES = 64 * 1024;

/**
 * A raw store in an S3 bucket: one PutObject below 8 MiB, a multipart upload from there on. All parts but the last are
 * of one size, also when memory is short: some servers refuse others.
 */
export function createS3Store(
  client: S3Client,
  bucket: string,
  prefix = '',
  memory = new PartMemory({ limitBytes: DEFAULT_PART_MEMORY_BYTES }),
): RawStore {
  const keyOf = (key: string) => (prefix ? `${prefix.replace(/\/+$/, '')}/${key}` : key);
  return {
    location: `s3://${bucket}/${prefix}`,
    create: (key) => new S3Writer(client, bucket, keyOf(key), memory),
    read: (key) => readObject(client, bucket, keyOf(key)),
    discard: (key) => discardObject(client, bucket, keyOf(key)),
    remove: (keys) => removeObjects(client, bucket, keys.map(keyOf)),
    removeBelow: (prefix) => {
      checkPrefix(prefix);
      return removeBelow(client, bucket, keyOf(prefix));
    },
    list: (prefix) => {
      checkPrefix(prefix);
      const own = keyOf('');
      return listObjects(client, bucket, keyOf(prefix), (key) => key.slice(own.length));
    },
    check: async () => {
      await client.send(new HeadBucketCommand({ Bucket: bucket })).catch(unavailable(`bucket ${bucket}`));
    },
  };
}

class S3Writer implements RawObjectWriter {
  readonly #client: S3Client;
  readonly #target: { readonly Bucket: string; readonly Key: string };
  /** Grows by doubling up to one part, so that a small file costs little memory. */
  #part = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  #used = 0;
  #uploadId: string | undefined;
  readonly #etags: (string | undefined)[] = [];
  /** The part on its way: never more than one, so memory stays within two parts. */
  #sending: Promise<void> = Promise.resolve();
  #sendingBytes = 0;
  #failure: unknown;
  readonly #share: PartShare;
  #isTaken = false;

  constructor(client: S3Client, bucket: string, key: string, memory: PartMemory) {
    this.#client = client;
    this.#target = { Bucket: bucket, Key: key };
    this.#share = memory.share(() => {
      this.#isTaken = true;
      this.#part = Buffer.alloc(0);
      this.#used = 0;
    });
  }

  get bufferedBytes(): number {
    return this.#used + this.#sendingBytes;
  }

  async write(...chunks: readonly Uint8Array[]): Promise<void> {
    this.#share.busy();
    try {
      for (const chunk of chunks) await this.#take(chunk);
    } finally {
      this.#share.idle();
    }
  }

  async #take(chunk: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < chunk.length) {
      this.#throwIfFailed();
      const taken = Math.min(chunk.length - offset, PART_BYTES - this.#used);
      if (this.#used + taken > this.#part.length) await this.#grow(this.#used + taken);
      this.#part.set(chunk.subarray(offset, offset + taken), this.#used);
      this.#used += taken;
      offset += taken;
      if (this.#used === PART_BYTES) await this.#startPart();
    }
  }

  async complete(): Promise<void> {
    this.#share.busy();
    try {
      // The first part creates the multipart upload; until it is through, its id is not known.
      await this.#sending;
      this.#throwIfFailed();
      if (this.#uploadId === undefined) {
        await this.#client.send(
          new PutObjectCommand({ ...this.#target, Body: this.#part.subarray(0, this.#used) }),
        );
      } else {
        if (this.#used > 0) await this.#startPart();
        await this.#sending;
        this.#throwIfFailed();
        const Parts = this.#etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
        await this.#client.send(
          new CompleteMultipartUploadCommand({
            ...this.#target,
            UploadId: this.#uploadId,
            MultipartUpload: { Parts },
          }),
        );
      }
      this.#release();
    } catch (error) {
      if (error instanceof MemoryTakenError) throw error;
      this.#failure = error;
      unavailable(this.#target.Key)(error);
    }
  }

  async abort(complete?: 'keep'): Promise<boolean> {
    await this.#sending;
    this.#release();
    const UploadId = this.#uploadId;
    try {
      if (UploadId !== undefined)
        await this.#client.send(new AbortMultipartUploadCommand({ ...this.#target, UploadId }));
      if (complete !== 'keep') await this.#client.send(new DeleteObjectCommand(this.#target));
      return this.#failure === undefined;
    } catch {
      return false;
    }
  }

  /** Waits, when memory is short, for what the whole part needs: then it is filled and sent whatever others hold. */
  async #grow(needed: number): Promise<void> {
    let bytes = Math.min(PART_BYTES, Math.max(needed, this.#part.length * 2));
    if (!this.#share.tryGrowTo(bytes)) {
      bytes = PART_BYTES;
      await this.#share.growTo(bytes);
    }
    const grown = Buffer.allocUnsafe(bytes);
    grown.set(this.#part.subarray(0, this.#used));
    this.#part = grown;
  }

  #release(): void {
    this.#part = Buffer.alloc(0);
    this.#used = 0;
    this.#share.release();
  }

  /** Waits for the part before, then sends this one while the next is being filled. */
  async #startPart(): Promise<void> {
    await this.#sending;
    this.#throwIfFailed();
    const body = this.#part.subarray(0, this.#used);
    this.#part = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
    this.#used = 0;
    this.#sendingBytes = body.length;
    const giveBack = this.#share.send();
    this.#sending = this.#sendPart(body)
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#sendingBytes = 0;
        giveBack();
      });
  }

  async #sendPart(body: Buffer): Promise<void> {
    if (this.#uploadId === undefined) {
      const created = await this.#client.send(new CreateMultipartUploadCommand(this.#target));
      if (!created.UploadId) throw new Error('the server began a multipart upload without an id');
      this.#uploadId = created.UploadId;
    }
    const index = this.#etags.push(undefined) - 1;
    const part = { ...this.#target, UploadId: this.#uploadId, PartNumber: index + 1, Body: body };
    const { ETag } = await this.#client.send(new UploadPartCommand(part));
    this.#etags[index] = ETag;
  }

  #throwIfFailed(): void {
    if (this.#isTaken)
      throw new MemoryTakenError('Others waited for the memory of this file, which came slowly.');
    if (this.#failure !== undefined) unavailable(this.#target.Key)(this.#failure);
  }
}

async function readObject(client: S3Client, bucket: string, key: string): Promise<Readable> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (Body instanceof Readable) return Body;
    throw new Error('the server answered without a body');
  } catch (error) {
    const { name } = error as Error;
    if (name === 'NoSuchKey' || name === 'NotFound') {
      throw new ObjectNotFoundError(`The raw store has no object ${key}.`, { cause: error });
    }
    return unavailable(key)(error);
  }
}

/** Also ends multipart uploads that a dead process began: the store bills their parts for ever. */
async function discardObject(client: S3Client, bucket: string, key: string): Promise<void> {
  try {
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }));
    for (const { Key, UploadId } of Uploads ?? []) {
      if (Key !== key || UploadId === undefined) continue;
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    }
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  } catch (error) {
    unavailable(key)(error);
  }
}
