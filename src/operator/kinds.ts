import type {
  OrganizationManifest,
  OrganizationStatus,
  SchemaEnablementManifest,
  SchemaEnablementStatus,
} from '../tenancy/resources.ts';
import type { KubernetesObject, ObjectMeta, ResourceType } from './runtime/kubernetes-object.ts';

/** An Organization as the API server has it. */
export interface Organization extends KubernetesObject, Pick<OrganizationManifest, 'spec'> {
  readonly kind: 'Organization';
  readonly metadata: ObjectMeta;
  readonly status?: OrganizationStatus;
}

/** A SchemaEnablement as the API server has it. */
export interface SchemaEnablement extends KubernetesObject, Pick<SchemaEnablementManifest, 'spec'> {
  readonly kind: 'SchemaEnablement';
  readonly metadata: ObjectMeta;
  readonly status?: SchemaEnablementStatus;
}

export interface Secret extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

const GROUP = { group: 'piing.ai', version: 'v1alpha1' };

export const ORGANIZATIONS: ResourceType = { ...GROUP, kind: 'Organization', plural: 'organizations' };
export const SCHEMA_ENABLEMENTS: ResourceType = {
  ...GROUP,
  kind: 'SchemaEnablement',
  plural: 'schemaenablements',
};
export const SECRETS: ResourceType = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets' };
/** Who owns the fields that the operator writes. */
export const FIELD_MANAGER = 'piing-operator';

/** Keeps a deleted resource until its doors are closed. */
export const FINALIZER = 'piing.ai/tenancy';

/** On Secrets: the Organization that they are of. Only Secrets with this label are watched, whatever its value. */
export const ORGANIZATION_LABEL = 'piing.ai/organization';
/** On Secrets that the operator made: the credential that they deliver. */
export const CREDENTIAL_LABEL = 'piing.ai/credential';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** Set to anything by whoever has read a delivery Secret, which is then deleted. */
export const DELIVERED_ANNOTATION = 'piing.ai/delivered';
