import type { ClientId, OrganizationId } from '../support/ids.ts';
import type { IssuedCredential } from './secrets.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';
import type { WriteContext } from './write-context.ts';

/**
 * Hands a new pair to the administrator. Called before the transaction commits: when it rejects, nothing has
 * changed, so a secret that nobody received is never the only one.
 */
export type DeliverCredential = (
  organizationId: OrganizationId,
  credentialName: string,
  issued: IssuedCredential,
) => Promise<void>;

/**
 * Thrown by a delivery that cannot work until somebody changes something: that credential is left as it was, and the
 * rest of the organization is applied. The message is for administrators.
 */
export class UndeliverableError extends Error {
  override readonly name = 'UndeliverableError';
}

/** What a `secretRef` leads to, or why it leads to nothing. */
export type ProvidedSecret =
  | { readonly clientId?: ClientId; readonly clientSecret: string }
  | { readonly problem: string };

/** What is known of an organization besides its manifest. */
export interface OrganizationContext extends WriteContext {
  /** What the `secretRef`s of credentials lead to, by the credential's name. Default: nothing, and they wait. */
  readonly provided?: ReadonlyMap<string, ProvidedSecret>;
  /**
   * Client ids that were given out before, by the credential's name: a database that was restored without them gives
   * out the same again.
   */
  readonly formerClientIds?: ReadonlyMap<string, ClientId>;
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
