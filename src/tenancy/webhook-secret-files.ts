import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fingerprintFiles } from '../support/watch-files.ts';
import { writeDurably } from '../support/write-durably.ts';
import type { SecretRef } from './resources.ts';
import { generateWebhookSecret, type WebhookSecrets } from './webhook-secrets.ts';

export interface WebhookSecretFilesOptions {
  readonly directory: string;
  /** Called when the file of a new secret is complete. */
  readonly onGenerated: (namespace: string, ref: SecretRef, secret: string, path: string) => void;
}

/**
 * Secrets as files `NAMESPACE/NAME/KEY`, as a cluster mounts them. One that is missing is generated: the file is then
 * both what signs and where the receiver's owner reads it.
 */
export function webhookSecretFiles({ directory, onGenerated }: WebhookSecretFilesOptions): WebhookSecrets {
  return {
    read: async (namespace, ref) => {
      // The CRD's patterns leave no separator and no dots alone in any of the three.
      const path = join(directory, namespace, ref.name, ref.key);
      const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw new Error(`The webhook secret ${path} cannot be read: ${error.message}.`, { cause: error });
      });
      if (kept !== undefined) return kept;
      const secret = generateWebhookSecret();
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeDurably(path, `${secret}\n`);
      onGenerated(namespace, ref, secret, path);
      return secret;
    },
    fingerprint: async () => {
      try {
        const entries = await readdir(directory, { recursive: true });
        return await fingerprintFiles(directory, entries.sort());
      } catch (error) {
        return `unreadable: ${(error as NodeJS.ErrnoException).code}`;
      }
    },
  };
}
