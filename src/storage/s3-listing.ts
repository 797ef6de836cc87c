import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { StoredObject } from './raw-store.ts';
import { unavailable } from './s3-removal.ts';

/** Every object below a prefix; `own` takes the store's own prefix off a key. */
export async function* listObjects(
  client: S3Client,
  bucket: string,
  prefix: string,
  own: (key: string) => string,
): AsyncGenerator<readonly StoredObject[]> {
  let token: string | undefined;
  do {
    const request = { Bucket: bucket, Prefix: prefix, ContinuationToken: token };
    const page = await client.send(new ListObjectsV2Command(request)).catch(unavailable(prefix));
    yield (page.Contents ?? []).map(({ Key = '', LastModified, Size }) => ({
      key: own(Key),
      modifiedAt: LastModified ?? new Date(0),
      sizeBytes: Size ?? 0,
    }));
    token = page.NextContinuationToken;
  } while (token !== undefined);
}
