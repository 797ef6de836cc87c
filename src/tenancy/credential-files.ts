import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrganizationId } from '../support/ids.ts';
import type { DeliverCredential } from './apply.ts';
import type { IssuedCredential } from './secrets.ts';

export interface CredentialFilesOptions {
  /** Created when absent; made readable for this user only. */
  readonly directory: string;
  /** Called when the file is complete. */
  readonly onIssued: (
    organizationId: OrganizationId,
    credentialName: string,
    issued: IssuedCredential,
    path: string,
  ) => void;
}

/**
 * Delivers new credentials as `ORGANIZATION-CREDENTIAL.json`, in the form that the token endpoint takes. A file is
 * there whole or not at all, and survives a power cut: the database keeps only the secret's hash.
 */
export function credentialFiles({ directory, onIssued }: CredentialFilesOptions): DeliverCredential {
  return async (organizationId, credentialName, issued) => {
    const path = join(directory, `${organizationId}-${credentialName}.json`);
    const content = { client_id: issued.clientId, client_secret: issued.clientSecret };
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      await writeDurably(directory, path, `${JSON.stringify(content, null, 2)}\n`);
    } catch (error) {
      throw new Error(
        `The new secret of ${credentialName} of ${organizationId} cannot be written to ${path}: ${(error as Error).message}. It was not put into use.`,
        { cause: error },
      );
    }
    onIssued(organizationId, credentialName, issued, path);
  };
}

async function writeDurably(directory: string, path: string, content: string): Promise<void> {
  const partial = `${path}.new`;
  // The mode counts at creation only, and what a crash left may have another.
  await rm(partial, { force: true });
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  await sync(directory);
}

/** A renamed file survives a power cut only when its directory has been synced too. */
async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
