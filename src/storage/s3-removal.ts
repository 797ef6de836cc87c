import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { MAX_REMOVED_KEYS, StoreUnavailableError } from './raw-store.ts';

export async function removeObjects(
  client: S3Client,
  bucket: string,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  if (keys.length > MAX_REMOVED_KEYS)
    throw new RangeError(`At most ${MAX_REMOVED_KEYS} objects are removed at a time.`);
  const Objects = keys.map((Key) => ({ Key }));
  const { Errors = [] } = await client
    .send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
    .catch(unavailable(keys[0] ?? ''));
  // The request succeeds even when the server refuses every object, as with a bucket policy or a legal hold.
  const refused = Errors.filter(({ Code }) => Code !== 'NoSuchKey')[0];
  if (refused)
    throw new StoreUnavailableError(
      `The raw store did not remove ${Errors.length} of ${keys.length} objects. First: ${refused.Key}: ${refused.Code}: ${refused.Message}`,
    );
}

/** Objects first, then the multipart uploads that dead processes began. */
export async function* removeBelow(client: S3Client, bucket: string, prefix: string): AsyncGenerator<number> {
  for (;;) {
    const page = await client
      .send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: MAX_REMOVED_KEYS }))
      .catch(unavailable(prefix));
    const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    if (keys.length === 0) break;
    await removeObjects(client, bucket, keys);
    yield keys.length;
  }
  for (;;) {
    const { Uploads = [] } = await client
      .send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, MaxUploads: MAX_REMOVED_KEYS }))
      .catch(unavailable(prefix));
    if (Uploads.length === 0) return;
    for (const { Key, UploadId } of Uploads)
      await client
        .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
        .catch(unavailable(prefix));
    yield Uploads.length;
  }
}

/** For `catch`: whatever the SDK threw, callers see that the store is away. */
export function unavailable(what: string) {
  return (error: unknown): never => {
    const { name, message } = error as Error;
    throw new StoreUnavailableError(`The raw store failed for ${what}: ${name}: ${message}`, {
      cause: error,
    });
  };
}
