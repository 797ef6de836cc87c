import { ORGANIZATION_LABEL, type Organization, type SchemaEnablement, type Secret } from './kinds.ts';
import { namedSecretsOf } from './named-secrets.ts';
import { ObjectCache } from './runtime/cache.ts';

/** What is known of the cluster. */
export interface Caches {
  readonly organizations: ObjectCache<Organization>;
  readonly enablements: ObjectCache<SchemaEnablement>;
  readonly secrets: ObjectCache<Secret>;
}

export function createCaches(): Caches {
  return {
    organizations: new ObjectCache<Organization>({ secret: namedSecretsOf }),
    enablements: new ObjectCache<SchemaEnablement>({ organization: (object) => [organizationKeyOf(object)] }),
    secrets: new ObjectCache<Secret>({
      organization: ({ metadata: { namespace, labels } }) => [
        `${namespace}/${labels?.[ORGANIZATION_LABEL] ?? ''}`,
      ],
    }),
  };
}

/** The Organization that an enablement is for. */
export function organizationKeyOf({ metadata, spec }: SchemaEnablement): string {
  return `${metadata.namespace}/${spec.organizationRef.name}`;
}
