import type { ApiClient } from './api-client.ts';
import { pathOf, type ResourceType } from './kubernetes-object.ts';
import type { Lease, LeaseSpec, LeaseStore } from './leader-election.ts';

const LEASES: ResourceType = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases' };
/**
 * A Lease of the API server.
 * @param timeoutMs less than the time in which a leader has to renew, so that it can try again
 */
export function createLeaseStore(
  api: ApiClient,
  namespace: string,
  name: string,
  timeoutMs: number,
): LeaseStore {
  const identity = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
  const path = pathOf(LEASES, namespace, name);
  return {
    get: () => api.request<Lease>({ method: 'GET', path, timeoutMs }),
    create: (spec: LeaseSpec) => {
      const body = { ...identity, metadata: { namespace, name }, spec };
      return api.request<Lease>({ method: 'POST', path: pathOf(LEASES, namespace), body, timeoutMs });
    },
    replace: ({ metadata: { resourceVersion, uid } }, spec) => {
      const body = { ...identity, metadata: { namespace, name, resourceVersion, uid }, spec };
      return api.request<Lease>({ method: 'PUT', path, body, timeoutMs });
    },
  };
}
