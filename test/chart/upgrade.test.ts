import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadHostKeys } from '../../src/gateway/host-keys.ts';
import { type ControlPlane, testControlPlane } from '../support/control-plane.ts';
import { CHART, MINIMAL_VALUES, mustHelm, RELEASE } from '../support/helm.ts';
import { temporaryDirectory } from '../support/servers.ts';

const NAMESPACE = 'chart-upgrade';

/** Nothing runs here, so hooks are left out; a real cluster runs them in test/cluster. */
describe('A release of the chart', function () {
  this.timeout(120_000);
  let plane: ControlPlane;

  before(async function () {
    this.timeout(1_800_000);
    plane = await testControlPlane();
    await plane.mustKubectl(['create', 'namespace', NAMESPACE]);
  });
  after(async () => {
    await plane.kubectl(['delete', 'org', '-n', NAMESPACE, '--all', '--wait=false']);
  });

  const release = (command: string, ...args: readonly string[]) =>
    mustHelm(
      [command, RELEASE, ...(command === 'uninstall' ? [] : [CHART, `--values=${MINIMAL_VALUES}`])]
        .concat('--no-hooks', `--namespace=${NAMESPACE}`)
        .concat(args),
      plane.kubeconfig,
    );
  const get = async (...args: readonly string[]) =>
    JSON.parse(await plane.mustKubectl(['get', '-n', NAMESPACE, '-o', 'json', ...args]));
  const hostKeys = async (): Promise<Record<string, string>> => (await get('secret', 'piing-host-keys')).data;
  const crdIds = async (): Promise<string[]> =>
    (await get('crd', 'organizations.piing.ai', 'schemaenablements.piing.ai')).items.map(
      ({ metadata }: { metadata: { uid: string } }) => metadata.uid,
    );
  const organizations = async (): Promise<string[]> =>
    (await get('org')).items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);

  let keys: Record<string, string>;
  let crds: string[];

  it('makes host keys that the gateway reads', async () => {
    // The suite has applied the CRDs by hand, as one may before there is a chart.
    const notes = await release('install', '--take-ownership');
    assert.match(notes, /Back up the Secret piing-host-keys: clients refuse another one\./);
    keys = await hostKeys();
    const directory = await temporaryDirectory('chart-keys');
    const files = Object.entries(keys).map(([name, data]) => ({ path: join(directory, name), data }));
    for (const { path, data } of files) await writeFile(path, Buffer.from(data, 'base64'));
    const loaded = await loadHostKeys(files.map(({ path }) => path));
    assert.deepEqual(
      loaded.map(({ type }) => type),
      ['ssh-ed25519', 'ssh-rsa'],
    );
    await plane.mustKubectl(
      ['apply', '-n', NAMESPACE, '-f', '-'],
      JSON.stringify({
        apiVersion: 'piing.ai/v1alpha1',
        kind: 'Organization',
        metadata: { name: 'chart-bistro' },
        spec: { credentials: [{ name: 'pos' }] },
      }),
    );
    crds = await crdIds();
  });

  it('keeps them over upgrades, also when fewer are asked for, and adds what is missing', async () => {
    await release('upgrade', '--set=gateway.replicas=3');
    assert.deepEqual(await hostKeys(), keys);
    await release('upgrade', '--set=hostKeys.generate={ed25519}');
    assert.deepEqual(await hostKeys(), keys);
    await release('upgrade', '--set=hostKeys.generate={ed25519,rsa,ecdsa}');
    const { ssh_host_ecdsa_key: added, ...kept } = await hostKeys();
    assert.deepEqual(kept, keys);
    assert.ok(added);
  });

  it('keeps the CRDs over upgrades, also when they are switched off, and with them every Organization', async () => {
    await release('upgrade', '--set=crds.enabled=false');
    assert.deepEqual(await crdIds(), crds);
    assert.deepEqual(await organizations(), ['chart-bistro']);
    await release('upgrade', '--take-ownership');
    assert.deepEqual(await crdIds(), crds);
  });

  it('leaves CRDs, Organizations and host keys when it goes, and takes them up when it comes back', async () => {
    await release('uninstall');
    assert.deepEqual((await get('deployment')).items, []);
    assert.deepEqual(await crdIds(), crds);
    assert.deepEqual(await organizations(), ['chart-bistro']);
    await release('install');
    const { ssh_host_ecdsa_key: _, ...kept } = await hostKeys();
    assert.deepEqual(kept, keys);
    await release('uninstall');
  });

  it('goes back to what it was', async () => {
    await release('install');
    await release('upgrade', '--set=gateway.replicas=5');
    assert.equal((await get('deployment', 'piing-gateway')).spec.replicas, 5);
    await mustHelm(['rollback', RELEASE, '1', `--namespace=${NAMESPACE}`, '--no-hooks'], plane.kubeconfig);
    assert.equal((await get('deployment', 'piing-gateway')).spec.replicas, 2);
    assert.equal((await hostKeys()).ssh_host_rsa_key, keys.ssh_host_rsa_key);
    await release('uninstall');
  });
});
