import pg from 'pg';
import { DEFAULT_TRANSFORMER, type TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import type { DeliverCredential } from '../../src/tenancy/apply.ts';
import type {
  CredentialSpec,
  OrganizationManifest,
  OrganizationSpec,
  SchemaEnablementManifest,
} from '../../src/tenancy/resources.ts';
import type { IssuedCredential } from '../../src/tenancy/secrets.ts';

export function credential(name: string, spec: Partial<CredentialSpec> = {}): CredentialSpec {
  return { name, rotation: 1, rotationOverlap: '24h', revoked: false, deliveryTTL: '24h', ...spec };
}

export function organization(
  name: string,
  spec: Partial<OrganizationSpec> = {},
  namespace = 'default',
): OrganizationManifest {
  return {
    kind: 'Organization',
    metadata: { namespace, name },
    spec: {
      suspended: false,
      credentials: [credential('pos')],
      allowedSourceRanges: [],
      webhooks: [],
      ...spec,
    },
  };
}

export function enablement(
  name: string,
  organizationName: string,
  schemaType: string,
  transformer: Partial<TransformerSpec> = {},
  namespace = 'default',
): SchemaEnablementManifest {
  return {
    kind: 'SchemaEnablement',
    metadata: { namespace, name },
    spec: {
      organizationRef: { name: organizationName },
      schemaType,
      transformer: { ...DEFAULT_TRANSFORMER, ...transformer },
    },
  };
}

/** Keeps what is delivered, oldest first, under `organization/credential`. */
export class Deliveries {
  readonly #issued = new Map<string, IssuedCredential[]>();

  readonly deliver: DeliverCredential = async (organizationId, credentialName, issued) => {
    const name = `${organizationId}/${credentialName}`;
    this.#issued.set(name, [...this.of(name), issued]);
  };

  of(name: string): readonly IssuedCredential[] {
    return this.#issued.get(name) ?? [];
  }

  last(name: string): IssuedCredential {
    const last = this.of(name).at(-1);
    if (!last) throw new Error(`nothing was delivered for ${name}`);
    return last;
  }

  get count(): number {
    return [...this.#issued.values()].flat().length;
  }
}

/** Every notification of a tenancy change; `heard` waits until all that were sent before have come. */
export async function listenToTenancy(
  url: string,
): Promise<{ heard(): Promise<string[]>; close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let payloads: string[] = [];
  client.on('notification', ({ payload = '' }) => payloads.push(payload));
  await client.query('LISTEN piing_tenancy');
  return {
    heard: async () => {
      await client.query("NOTIFY piing_tenancy, 'end'");
      while (!payloads.includes('end')) await new Promise((resolve) => setTimeout(resolve, 5));
      const before = payloads.slice(0, payloads.indexOf('end'));
      payloads = [];
      return before;
    },
    close: () => client.end(),
  };
}
