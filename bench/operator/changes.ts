import type { Pool } from '../../src/database/pool.ts';
import type { Secret } from '../../src/operator/kinds.ts';
import { authenticate } from '../../src/tenancy/access.ts';
import type { ObservedCluster } from './observer.ts';
import { NAMESPACE, organizationName } from './tenants.ts';

/**
 * Milliseconds from asking for a rotation to a login with the new secret, for one organization after the other: the
 * change goes to the operator, the new pair comes back in a Secret, and a gateway's check of it succeeds.
 */
export async function measureChanges(
  { clients, caches }: ObservedCluster,
  pool: Pool,
  organizations: number,
  changes: number,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const name = organizationName((change * 7_919) % organizations);
    const secretName = `${name}-pos`;
    const before = caches.secrets.get(`${NAMESPACE}/${secretName}`)?.metadata.uid;
    const arrived = new Promise<void>((resolve) => {
      caches.secrets.onChange((_, after) => {
        if (after?.metadata.name === secretName && after.metadata.uid !== before) resolve();
      });
    });
    const rotation = caches.organizations.get(`${NAMESPACE}/${name}`)?.spec.credentials[0]?.rotation ?? 1;
    const begun = performance.now();
    await clients.organizations.jsonPatch(NAMESPACE, name, [
      { op: 'replace', path: '/spec/credentials/0/rotation', value: rotation + 1 },
    ]);
    await arrived;
    const pair = toPair(await clients.secrets.get(NAMESPACE, secretName));
    while (!(await authenticate(pool, { ...pair, remoteAddress: '127.0.0.1' })).allowed)
      await new Promise((resolve) => setTimeout(resolve, 1));
    latencies.push(performance.now() - begun);
  }
  return latencies;
}

function toPair({ data = {} }: Secret): { readonly clientId: string; readonly clientSecret: string } {
  const decode = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  return { clientId: decode('client_id'), clientSecret: decode('client_secret') };
}
