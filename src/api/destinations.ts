import { createHash } from 'node:crypto';
import type { Intake, UploadRequest } from '../intake/intake.ts';
import { Refusal } from '../intake/refusal.ts';
import type { UploadRecord } from '../intake/uploads.ts';
import type { ReceivedUpload } from './upload-views.ts';

/** How an upload request ended well: with a new upload, or with the one that an earlier request had brought. */
export type Receipt =
  | { readonly kind: 'received'; readonly upload: ReceivedUpload }
  | { readonly kind: 'replayed'; readonly upload: UploadRecord };

/** Where the bytes of one request go. */
export interface Destination {
  /** Resolves when there is room for more. */
  write(chunk: Uint8Array): Promise<void>;
  /** The file is complete. Nothing is acknowledged before this resolves. */
  finish(): Promise<Receipt>;
  /** The request failed. Fine at any time. */
  abandon(reason: Refusal): Promise<void>;
}

/**
 * A new upload. `recheck` runs when the object is durable, just before the acknowledgement: a large file takes
 * minutes, and a credential that was revoked meanwhile must not get it through.
 * @throws {Refusal} when the intake does not admit the file
 */
export async function newUpload(
  intake: Intake,
  request: UploadRequest,
  recheck: () => Promise<void>,
): Promise<Destination> {
  const upload = await intake.begin(request);
  return {
    write: (chunk) => upload.write(chunk),
    finish: async () => {
      await upload.seal();
      await recheck();
      const receivedAt = await upload.commit();
      const { schemaType, fileName } = request;
      const received = { uploadId: upload.id, schemaType, fileName, sizeBytes: upload.size, receivedAt };
      return { kind: 'received', upload: received };
    },
    abandon: (reason) => upload.abandon(reason),
  };
}

/**
 * A request whose idempotency key stands for an upload that is there already: its bytes are compared and not kept.
 * @throws {Refusal} when the key's upload is still being received, or was of another schema type
 */
export function replayOf(existing: UploadRecord, schemaType: string): Destination {
  if (existing.status === 'RECEIVING') {
    throw new Refusal('IDEMPOTENCY_KEY_IN_USE', 'An upload with this idempotency key is being received.');
  }
  if (existing.schemaType !== schemaType) throw reused(existing);
  const hash = createHash('sha256');
  let size = 0;
  return {
    write: async (chunk) => {
      size += chunk.length;
      // More bytes than the first time are other bytes: no need to read the rest.
      if (size > (existing.sizeBytes ?? 0)) throw reused(existing);
      hash.update(chunk);
    },
    finish: async () => {
      if (hash.digest('hex') !== existing.sha256) throw reused(existing);
      return { kind: 'replayed', upload: existing };
    },
    abandon: async () => undefined,
  };
}

function reused(existing: UploadRecord): Refusal {
  return new Refusal(
    'IDEMPOTENCY_KEY_REUSED',
    `This idempotency key was used for another file (upload ${existing.id}). Use a new key for each file.`,
  );
}
