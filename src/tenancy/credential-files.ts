import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrganizationId } from '../support/ids.ts';
import { writeDurably } from '../support/write-durably.ts';
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
      await writeDurably(path, `${JSON.stringify(content, null, 2)}\n`);
    } catch (error) {
      throw new Error(
        `The new secret of ${credentialName} of ${organizationId} cannot be written to ${path}: ${(error as Error).message}. It was not put into use.`,
        { cause: error },
      );
    }
    onIssued(organizationId, credentialName, issued, path);
  };
}
