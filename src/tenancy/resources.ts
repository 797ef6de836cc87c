import type { TransformerSpec } from '../schemas/transformer-spec.ts';

export const API_VERSION = 'piing.ai/v1alpha1';

/** The namespace of a manifest that names none. */
export const DEFAULT_NAMESPACE = 'default';

/** One pair of `client_id` and `client_secret`, as the administrator wants it. */
export interface CredentialSpec {
  readonly name: string;
  /** Raised to have a new secret issued for the same client id. */
  readonly rotation: number;
  /** How long older secrets still work after a rotation: `24h`, `1h30m`, `0s`. */
  readonly rotationOverlap: string;
  readonly revoked: boolean;
  /** RFC 3339. */
  readonly expiresAt?: string;
}

/** Of the resource's own namespace. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** One address that is told when an upload of the organization has ended. */
export interface WebhookSpec {
  readonly name: string;
  readonly url: string;
  readonly secretRef: SecretRef;
  /** `upload.completed` and others. */
  readonly events: readonly string[];
}

export interface OrganizationSpec {
  readonly displayName?: string;
  readonly suspended: boolean;
  readonly credentials: readonly CredentialSpec[];
  /** CIDR; empty: from everywhere. */
  readonly allowedSourceRanges: readonly string[];
  readonly limits?: { readonly maxFileBytes?: number };
  readonly webhooks: readonly WebhookSpec[];
}

export interface SchemaEnablementSpec {
  readonly organizationRef: { readonly name: string };
  readonly schemaType: string;
  readonly transformer: TransformerSpec;
}

interface ObjectMeta {
  readonly namespace: string;
  readonly name: string;
}

/** An Organization that its CRD accepts, with the defaults filled in. */
export interface OrganizationManifest {
  readonly kind: 'Organization';
  readonly metadata: ObjectMeta;
  readonly spec: OrganizationSpec;
}

/** A SchemaEnablement that its CRD accepts, with the defaults filled in. */
export interface SchemaEnablementManifest {
  readonly kind: 'SchemaEnablement';
  readonly metadata: ObjectMeta;
  readonly spec: SchemaEnablementSpec;
}

export type Manifest = OrganizationManifest | SchemaEnablementManifest;

/** How messages call a resource: `Organization default/blue-bistro`. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
