import { join } from 'node:path';
import { buildGoTools } from '../../../tools/go-tools.mjs';
import type { Ran, RunOptions } from '../../support/run.ts';
import { until } from '../../support/until.ts';
import { NODE_NAME, startControlPlane } from './control-plane.ts';
import { buildImage, buildPauseImage, IMAGE, NEXT_IMAGE } from './images.ts';
import { importImage, startContainerd, startKubelet, tagImage } from './kubelet.ts';
import { startLoadBalancer } from './load-balancer.ts';
import { makeNamespaces, type Namespaces, type Server } from './namespaces.ts';
import { report } from './report.ts';

/** A real Kubernetes of one node, and what its administrator and its users have. */
export interface Node extends Namespaces {
  kubectlCommand(args: readonly string[]): [string, string[]];
  kubectl(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, and fails with what kubectl said unless it succeeded. */
  mustKubectl(args: readonly string[], input?: string): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
  readonly containerd: Server;
  readonly kubelet: Server;
}

/** How long a command may take on a machine that does much else. */
const COMMAND_MS = 600_000;
/** How long it may take until something has come about. */
const EVENTUALLY_MS = 300_000;

/** Asks twice a second until there is an answer: each question is a program's whole life. */
export const eventually = <Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer> =>
  until(ask, EVENTUALLY_MS, 500);

let shared: Promise<Node> | undefined;

/** The one node of a run. */
export function testNode(): Promise<Node> {
  shared ??= startNode();
  return shared;
}

/** That node, unless it was never asked for or did not start. */
export async function startedNode(): Promise<Node | undefined> {
  return shared?.catch(() => undefined);
}

async function startNode(): Promise<Node> {
  const groups = ['kubernetes', 'kubernetes-node', 'cluster', 'helm'] as const;
  const [programs = ''] = groups.map(buildGoTools);
  const image = await report('image built', buildImage);
  return report('node up', async () => {
    const namespaces = await makeNamespaces();
    const pause = await buildPauseImage(programs, namespaces.directory);
    const [controlPlane, containerd] = await Promise.all([
      startControlPlane(namespaces, programs),
      startRuntime(namespaces, image, pause),
    ]);
    const kubelet = await startKubelet(namespaces, programs, controlPlane);
    const commands = withPrograms(namespaces, programs, controlPlane.kubeconfig('admin'));
    const node = { ...namespaces, ...commands, containerd, kubelet };
    for (const state of ['create', 'condition=Ready'])
      await node.mustKubectl(['wait', `--for=${state}`, `node/${NODE_NAME}`, '--timeout=300s']);
    startLoadBalancer(node);
    return node;
  });
}

async function startRuntime(namespaces: Namespaces, image: string, pause: string): Promise<Server> {
  const containerd = await startContainerd(namespaces);
  await importImage(namespaces, pause);
  await importImage(namespaces, image);
  await tagImage(namespaces, IMAGE, NEXT_IMAGE);
  return containerd;
}

type Commands = Pick<Node, 'kubectl' | 'kubectlCommand' | 'mustKubectl' | 'helm'>;

function withPrograms(namespaces: Namespaces, programs: string, kubeconfig: string): Commands {
  const home = { KUBECONFIG: kubeconfig, HOME: namespaces.directory };
  const kubectl = (args: readonly string[], options: RunOptions = {}) =>
    namespaces.onNode(join(programs, 'kubectl'), args, { ...options, env: home });
  return {
    kubectl,
    kubectlCommand: (args) =>
      namespaces.onNodeCommand(join(programs, 'kubectl'), [`--kubeconfig=${kubeconfig}`, ...args]),
    mustKubectl: async (args, input = '') =>
      succeeded(`kubectl ${args.join(' ')}`, await kubectl(args, { input, timeoutMs: COMMAND_MS })),
    helm: async (args) =>
      succeeded(
        `helm ${args.join(' ')}`,
        await namespaces.onNode(join(programs, 'helm'), args, { env: home, timeoutMs: COMMAND_MS }),
      ),
  };
}

function succeeded(what: string, { code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`${what}: ${stderr}${stdout}`);
  return stdout;
}
