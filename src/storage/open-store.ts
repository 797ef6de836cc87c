import { createDirectoryStore } from './directory-store.ts';
import type { PartMemory } from './part-memory.ts';
import type { RawStore } from './raw-store.ts';

export interface RawStoreSettings {
  /** `s3://BUCKET[/PREFIX]` or the path of a directory. */
  readonly location: string;
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly forcePathStyle: boolean;
  readonly checksums: 'WHEN_REQUIRED' | 'WHEN_SUPPORTED';
}

const CONNECT_TIMEOUT_MS = 5_000;
/** For the answer to one part of 8 MiB. */
const ANSWER_TIMEOUT_MS = 120_000;

/** Opens the raw store. S3 credentials come from where the AWS SDK looks: environment, profile, pod identity. */
export async function openRawStore(settings: RawStoreSettings, memory: PartMemory): Promise<RawStore> {
  const s3 = /^s3:\/\/([^/]+)\/?(.*)$/.exec(settings.location);
  if (!s3) return createDirectoryStore(settings.location);
  // Loaded on demand: the SDK takes 34 MB of memory, which a gateway on a directory does not need.
  const [{ S3Client }, { createS3Store }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('./s3-store.ts'),
  ]);
  const client = new S3Client({
    region: settings.region,
    // Without these a server that accepts and then says nothing holds an upload, and its client, for ever.
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: ANSWER_TIMEOUT_MS },
    forcePathStyle: settings.forcePathStyle,
    requestChecksumCalculation: settings.checksums,
    responseChecksumValidation: settings.checksums,
    ...(settings.endpoint ? { endpoint: settings.endpoint } : {}),
  });
  return createS3Store(client, s3[1] ?? '', s3[2] ?? '', memory);
}
