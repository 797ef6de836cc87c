import { ORGANIZATION_LABEL, type Organization, type Secret } from './kinds.ts';
import { isNotFound } from './runtime/api-error.ts';
import type { ResourceClient } from './runtime/resource-client.ts';

/** `namespace/name` of the Secrets that an organization names: those of `secretRef`s. */
export function namedSecretsOf({ metadata: { namespace }, spec }: Organization): string[] {
  const refs = [...spec.credentials, ...(spec.webhooks ?? [])].flatMap(
    ({ secretRef }) => secretRef?.name ?? [],
  );
  return [...new Set(refs)].map((name) => `${namespace}/${name}`);
}

/** Reads the Secrets that an organization names, and notes those whose changes nobody would hear of. */
export class NamedSecrets {
  readonly #secrets: ResourceClient<Secret>;
  readonly #organization: Organization;
  readonly #unwatched = new Set<string>();

  constructor(secrets: ResourceClient<Secret>, organization: Organization) {
    this.#secrets = secrets;
    this.#organization = organization;
  }

  /** Undefined when there is none of that name. */
  async read(name: string): Promise<Secret | undefined> {
    const { namespace } = this.#organization.metadata;
    const secret = await this.#secrets.get(namespace, name).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    if (secret?.metadata.labels?.[ORGANIZATION_LABEL] === undefined) this.#unwatched.add(name);
    return secret;
  }

  /** What to do about those that are not watched; undefined when all are. */
  get advice(): string | undefined {
    if (this.#unwatched.size === 0) return undefined;
    const names = [...this.#unwatched].sort().join(', ');
    const label = `${ORGANIZATION_LABEL}=${this.#organization.metadata.name}`;
    return `Changes of Secret ${names} are noticed only when everything is compared again. With the label ${label} on it they are noticed at once.`;
  }
}
