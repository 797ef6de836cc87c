import { S3Client } from '@aws-sdk/client-s3';
import { createDirectoryStore } from './directory-store.ts';
import type { RawStore } from './raw-store.ts';
import { createS3Store } from './s3-store.ts';

export interface RawStoreSettings {
  /** `s3://BUCKET[/PREFIX]` or the path of a directory. */
  readonly location: string;
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly forcePathStyle: boolean;
  readonly checksums: 'WHEN_REQUIRED' | 'WHEN_SUPPORTED';
}

/** Opens the raw store. S3 credentials come from where the AWS SDK looks: environment, profile, pod identity. */
export function openRawStore(settings: RawStoreSettings): RawStore {
  const s3 = /^s3:\/\/([^/]+)\/?(.*)$/.exec(settings.location);
  if (!s3) return createDirectoryStore(settings.location);
  const client = new S3Client({
    region: settings.region,
    forcePathStyle: settings.forcePathStyle,
    requestChecksumCalculation: settings.checksums,
    responseChecksumValidation: settings.checksums,
    ...(settings.endpoint ? { endpoint: settings.endpoint } : {}),
  });
  return createS3Store(client, s3[1] ?? '', s3[2] ?? '');
}
