import type { OrganizationId } from '../support/ids.ts';
import type { IssuedCredential } from './secrets.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/**
 * Hands a new pair to the administrator. Called before the transaction commits: when it rejects, nothing has
 * changed, so a secret that nobody received is never the only one.
 */
export type DeliverCredential = (
  organizationId: OrganizationId,
  credentialName: string,
  issued: IssuedCredential,
) => Promise<void>;

/** What is known of an organization besides its manifest. */
export interface OrganizationContext {
  /** Default: none, and webhooks wait for their secrets. */
  readonly webhookSecrets?: WebhookSecrets | undefined;
}

/** The control database says what the resource says; `changed` is false when it did so already. */
export interface Applied {
  readonly changed: boolean;
  /** What could not be done, each with its path in the resource; absent when everything was. */
  readonly incomplete?: readonly string[];
}

/** Another resource owns what this one asks for, so it changed nothing. */
export interface Conflict {
  readonly conflict: string;
}

/** Something that the resource refers to is not there yet. */
export interface Waiting {
  readonly waiting: string;
}

/** The resource asks for something that does not exist; each entry names its path. */
export interface Invalid {
  readonly invalid: readonly string[];
}

export type ApplyResult = Applied | Conflict | Waiting | Invalid;
