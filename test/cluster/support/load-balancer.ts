import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stopAtEnd } from '../../support/servers.ts';
import type { Node } from './node.ts';

const LINE =
  '{.metadata.namespace} {.metadata.name} {.spec.type} {.status.loadBalancer.ingress[0].ip}{"\\n"}';

/** Plays the cloud: gives each Service of type LoadBalancer an address, which the client's network routes to the node. */
export function startLoadBalancer(node: Node): void {
  const args = ['get', 'services', '--all-namespaces', '--watch', `--output=jsonpath=${LINE}`];
  const watch = spawn(...node.kubectlCommand(args), { stdio: ['ignore', 'pipe', 'ignore'] });
  stopAtEnd(async () => {
    watch.kill('SIGKILL');
  });
  let given = 0;
  createInterface({ input: watch.stdout }).on('line', (line) => {
    const [namespace = '', name = '', type, address] = line.split(' ');
    if (type !== 'LoadBalancer' || address) return;
    given += 1;
    const ingress = [{ ip: `10.201.0.${given}`, ipMode: 'VIP' }];
    const patch = JSON.stringify({ status: { loadBalancer: { ingress } } });
    // A Service that is gone again needs none.
    node
      .kubectl([
        'patch',
        'service',
        name,
        `--namespace=${namespace}`,
        '--subresource=status',
        `--patch=${patch}`,
      ])
      .catch(() => undefined);
  });
}
