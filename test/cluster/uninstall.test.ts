import assert from 'node:assert/strict';
import { RELEASE } from '../support/helm.ts';
import { eventually } from './support/node.ts';
import { install, loadBalancerAddress, NAMESPACE, podsOf, ROLES } from './support/release.ts';
import { report } from './support/report.ts';
import { sftpClient } from './support/sftp-client.ts';
import { FIRST_TIMEOUT_MS, type Installed, installed, smallFile, untilLoaded } from './support/world.ts';

describe('helm uninstall', function () {
  this.timeout(900_000);
  let world: Installed;
  let tenants: string[];
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
    tenants = await names('organizations,schemaenablements');
    assert.ok(tenants.length >= 3);
    const flags = [`--namespace=${NAMESPACE}`, '--wait', '--timeout=9m'];
    await report('helm uninstall', () => world.node.helm(['uninstall', RELEASE, ...flags]));
  });

  const names = async (...what: readonly string[]) =>
    (await world.node.mustKubectl(['get', ...what, `--namespace=${NAMESPACE}`, '--output=name']))
      .trim()
      .split('\n');

  it('ends every pod', async () => {
    await report('last pod ended', () =>
      eventually(async () => {
        const pods = await Promise.all(ROLES.map((role) => podsOf(world.node, role)));
        return pods.flat().length === 0 ? true : undefined;
      }),
    );
  });

  it('leaves the kinds of resources, the tenants and the host keys', async () => {
    const kinds = await names('crds');
    for (const kind of ['organizations', 'schemaenablements'])
      assert.ok(kinds.includes(`customresourcedefinition.apiextensions.k8s.io/${kind}.piing.ai`), kind);
    assert.deepEqual(await names('organizations,schemaenablements'), tenants);
    assert.ok((await names('secrets')).includes(`secret/${RELEASE}-host-keys`));
  });

  it('is undone by helm install: clients find the host keys that they know, and their credentials', async () => {
    await report('helm install again', () => install(world.node));
    const address = await loadBalancerAddress(world.node);
    const client = sftpClient(world.node, address, world.tenant);
    const { code, stderr } = await client.putContents(new Map([['after.csv', smallFile(2)]]));
    assert.equal(code, 0, stderr);
    await untilLoaded(world, [2]);
  });
});
