import { eventually, type Node } from './node.ts';
import { apply, NAMESPACE } from './release.ts';

export interface Tenant {
  readonly organization: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export const organization = (name: string, spec: object = {}) => ({
  apiVersion: 'piing.ai/v1alpha1',
  kind: 'Organization',
  metadata: { name, namespace: NAMESPACE },
  spec: { displayName: name, credentials: [{ name: 'pos' }], ...spec },
});

const enablement = (name: string, schemaType: string) => ({
  apiVersion: 'piing.ai/v1alpha1',
  kind: 'SchemaEnablement',
  metadata: { name: `${name}-${schemaType.toLowerCase()}`, namespace: NAMESPACE },
  spec: { organizationRef: { name }, schemaType },
});

/** What an administrator does for a new tenant, up to the pair that the operator made. */
export async function addTenant(node: Node, name: string): Promise<Tenant> {
  await apply(node, organization(name), enablement(name, 'orgTransactions'), enablement(name, 'orgShifts'));
  const wait = ['wait', `--namespace=${NAMESPACE}`, '--for=condition=Ready', '--timeout=300s'];
  await node.mustKubectl([...wait, `organization/${name}`]);
  await node.mustKubectl([...wait, 'schemaenablement', '--all']);
  return { organization: name, ...(await credential(node, `${name}-pos`)) };
}

async function credential(node: Node, secret: string): Promise<Omit<Tenant, 'organization'>> {
  const args = ['get', 'secret', secret, `--namespace=${NAMESPACE}`, '--output=json'];
  return eventually(async () => {
    const { code, stdout } = await node.kubectl(args);
    if (code !== 0) return undefined;
    const { data } = JSON.parse(stdout) as { data: Record<string, string> };
    const decode = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
    return { clientId: decode('client_id'), clientSecret: decode('client_secret') };
  });
}
