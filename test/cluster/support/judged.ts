import type { World } from '../../faults/checker.ts';
import { objectsInBucket } from '../../faults/stored-objects.ts';
import { s3ClientAt } from '../../support/s3.ts';
import type { Tenant as SendingTenant } from '../../support/tenants.ts';
import { NODE_ADDRESS } from './control-plane.ts';
import { loadBalancerAddress } from './release.ts';
import type { Doors } from './sending.ts';
import { BUCKET, S3_PORT } from './stores.ts';
import type { Tenant } from './tenant.ts';
import { startTunnel } from './tunnel.ts';
import type { Installed } from './world.ts';

/** The installation as the fault campaign's clients and its checker see it. */
export interface Judged {
  readonly doors: Doors;
  readonly world: World;
}

/** Clients reach the load balancer's addresses from the network outside of the cluster. */
export async function judged({ node, stores }: Installed, tenants: readonly Tenant[]): Promise<Judged> {
  const [sftp, http, s3] = await Promise.all([
    startTunnel(node, await loadBalancerAddress(node, 'gateway'), 2222),
    startTunnel(node, await loadBalancerAddress(node, 'api'), 80),
    startTunnel(node, NODE_ADDRESS, S3_PORT),
  ]);
  const sending = tenants.map(({ organization, clientId, clientSecret }) => ({
    organizationId: organization as SendingTenant['organizationId'],
    clientId: clientId as SendingTenant['clientId'],
    clientSecret,
  }));
  const client = s3ClientAt(`http://127.0.0.1:${s3}`, stores);
  return {
    doors: { tenants: sending, ports: { sftp, http } },
    world: {
      pool: stores.pool,
      objects: objectsInBucket({ client }, BUCKET),
      organizations: tenants.map(({ organization }) => organization),
    },
  };
}
