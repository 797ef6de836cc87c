import { join } from 'node:path';
import { CHART, RELEASE } from '../../support/helm.ts';
import type { Node } from './node.ts';
import { eventually } from './node.ts';
import type { Stores } from './stores.ts';

export const NAMESPACE = 'piing';
const VALUES = join(import.meta.dirname, '..', 'values.yaml');
export const ROLES = ['gateway', 'api', 'worker', 'operator'] as const;

/** What has to be there before: a namespace that lets only restricted pods in, and the Secrets that values name. */
export async function prepareNamespace(node: Node, stores: Stores): Promise<void> {
  const secret = (name: string, stringData: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: NAMESPACE },
    stringData,
  });
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const { accessKeyId, secretAccessKey, databaseUrl } = stores;
  await apply(
    node,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } },
    secret('piing-database', { url: databaseUrl }),
    secret('piing-store', { accessKeyId, secretAccessKey }),
  );
}

export async function apply({ mustKubectl }: Node, ...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await mustKubectl(['apply', `--namespace=${NAMESPACE}`, '--filename=-'], JSON.stringify(list));
}

export const install = (node: Node) => release(node, 'install');
/** To another version of the image and another log level, so that pods of every role are replaced. */
export const upgrade = (node: Node, tag: string) =>
  release(node, 'upgrade', `--set=image.tag=${tag}`, '--set=logging.level=debug');

function release(node: Node, command: string, ...options: readonly string[]): Promise<string> {
  const flags = [`--namespace=${NAMESPACE}`, '--wait', '--wait-for-jobs', '--timeout=9m'];
  return node.helm([command, RELEASE, CHART, ...flags, `--values=${VALUES}`, ...options]);
}

export interface Pod {
  readonly name: string;
  readonly ready: boolean;
  /** Told to stop, and not gone yet. */
  readonly ending: boolean;
  readonly image: string;
  /** That runs now, or did last. */
  readonly container: string;
}

/** Of one role, those that are ending too. */
export async function podsOf({ mustKubectl }: Node, role: (typeof ROLES)[number]): Promise<Pod[]> {
  const selector = `--selector=app.kubernetes.io/component=${role}`;
  const { items } = JSON.parse(
    await mustKubectl(['get', 'pods', `--namespace=${NAMESPACE}`, selector, '--output=json']),
  ) as { items: PodObject[] };
  return items.map(({ metadata, spec, status }) => ({
    name: metadata.name,
    image: spec.containers[0]?.image ?? '',
    container: status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '',
    ending: metadata.deletionTimestamp !== undefined,
    ready: (status.conditions ?? []).some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    ),
  }));
}

interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly containerID?: string }[];
  };
}

/** Until a role has exactly two pods, both ready, neither ending, and with other containers than those that are gone. */
export async function untilReady(
  node: Node,
  role: (typeof ROLES)[number],
  gone: readonly string[] = [],
): Promise<Pod[]> {
  const serves = ({ ready, ending, container }: Pod) => ready && !ending && !gone.includes(container);
  return eventually(async () => {
    const pods = await podsOf(node, role);
    return pods.length === 2 && pods.every(serves) ? pods : undefined;
  });
}

/** The address that the load balancer has for SFTP, or for HTTP. */
export function loadBalancerAddress(
  { mustKubectl }: Node,
  role: 'gateway' | 'api' = 'gateway',
): Promise<string> {
  const path = '{.status.loadBalancer.ingress[0].ip}';
  const name = `service/${RELEASE}-${role}`;
  return mustKubectl(['get', name, `--namespace=${NAMESPACE}`, `--output=jsonpath=${path}`]);
}
