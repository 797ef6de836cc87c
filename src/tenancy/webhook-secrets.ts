import { randomBytes } from 'node:crypto';
import type { OrganizationManifest, SecretRef } from './resources.ts';

/** Standard Webhooks: how a shared secret is told from other base64, and its length in bytes. */
const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const GENERATED_BYTES = 32;

/** Where the texts of secrets are: Secrets of the cluster, or files. */
export interface WebhookSecrets {
  /** The text at a key of a secret of the namespace; undefined when there is none. */
  read(namespace: string, ref: SecretRef): Promise<string | undefined>;
  /** A text that changes whenever one of them does, where that has to be looked for. Must not reject. */
  fingerprint?(): Promise<string>;
}

/** The secrets of an organization's webhooks by the webhook's name, and what keeps others from being there. */
export interface ResolvedSecrets {
  readonly keys: ReadonlyMap<string, Buffer>;
  /** Each entry names its path. */
  readonly incomplete: readonly string[];
}

export function generateWebhookSecret(): string {
  return PREFIX + randomBytes(GENERATED_BYTES).toString('base64');
}

/** The key for the HMAC, or undefined when the text is no such secret. White space around it is left out. */
export function parseWebhookSecret(text: string): Buffer | undefined {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? [];
  if (encoded === undefined) return undefined;
  const key = Buffer.from(encoded, 'base64');
  const canonical = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  return canonical && key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : undefined;
}

/** Reads them before the transaction that uses them: the way to a cluster's API can be long. */
export async function resolveWebhookSecrets(
  { metadata, spec }: OrganizationManifest,
  secrets?: WebhookSecrets,
): Promise<ResolvedSecrets> {
  const keys = new Map<string, Buffer>();
  const incomplete: string[] = [];
  for (const [index, { name, secretRef }] of spec.webhooks.entries()) {
    const text = await secrets?.read(metadata.namespace, secretRef);
    const key = text === undefined ? undefined : parseWebhookSecret(text);
    const where = `spec.webhooks[${index}].secretRef: Secret ${metadata.namespace}/${secretRef.name}`;
    if (key) keys.set(name, key);
    else if (text === undefined)
      incomplete.push(`${where} has no key ${secretRef.key}. Create it; messages wait for it until then.`);
    else
      incomplete.push(
        `${where}, key ${secretRef.key}, is not ${PREFIX} and ${MIN_BYTES} to ${MAX_BYTES} bytes in base64. Correct it.`,
      );
  }
  return { keys, incomplete };
}
