import type { OrganizationSpec, SchemaEnablementSpec } from './resource-types.ts';

export type { OrganizationStatus, SchemaEnablementStatus } from './resource-types.ts';

export type { OrganizationSpec, SchemaEnablementSpec };

export const API_VERSION = 'piing.ai/v1alpha1';

/** The namespace of a manifest that names none. */
export const DEFAULT_NAMESPACE = 'default';

/** One pair of `client_id` and `client_secret`, as the administrator wants it. */
export type CredentialSpec = OrganizationSpec['credentials'][number];

/** One address that is told when an upload of the organization has ended. */
export type WebhookSpec = OrganizationSpec['webhooks'][number];

/** Of the resource's own namespace. */
export type SecretRef = WebhookSpec['secretRef'];

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
