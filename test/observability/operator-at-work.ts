import { enablement, newCluster, organization } from '../operator/fixture.ts';
import { startRole } from '../support/role-process.ts';

export interface OperatorAtWork {
  readonly metricsAddress: string;
  /** Makes a tenant, so that there is something to measure. */
  work(): Promise<void>;
  close(): Promise<void>;
}

/** `piing operator` as a process of its own, on the control plane of the operator's suites. */
export async function startOperatorAtWork(): Promise<OperatorAtWork> {
  const cluster = await newCluster('dashboards');
  const { path } = await cluster.kubeconfig('dashboards');
  const role = await startRole('operator', {
    KUBECONFIG: path,
    DATABASE_URL: cluster.database.url,
    PIING_WATCH_NAMESPACES: cluster.namespace,
    PIING_OPERATOR_NAMESPACE: cluster.namespace,
  });
  return {
    metricsAddress: role.metricsAddress,
    work: async () => {
      for (const name of ['first', 'second', 'third']) {
        await cluster.apply(organization(name), enablement(name, name));
        await cluster.untilReady('org', name);
      }
    },
    close: async () => {
      await role.stop();
      await cluster.close();
    },
  };
}
