import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, condition, enablement, newCluster, organization } from './fixture.ts';

const QUIET_MS = 10_000;
const RESYNC_MS = 1_000;
/** Verbs that the API server knows of resources. */
const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

describe('The operator', function () {
  this.timeout(90_000);
  let cluster: Cluster;
  let user: string;
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('behaviour');
    user = `system:serviceaccount:${cluster.namespace}:piing-operator`;
  });
  after(() => cluster.close());

  const requests = async () => (await cluster.plane.audit()).filter((entry) => entry.user === user);

  it('writes nothing while nothing changes, however often it compares', async () => {
    const operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
    const broken = enablement('broken', 'quiet', 'orgNothing');
    await cluster.apply(organization('quiet'), organization('empty', { credentials: [] }), broken);
    await cluster.apply(enablement('quiet-shifts', 'quiet'), enablement('lonely', 'nobody'));
    for (const name of ['quiet', 'empty']) await cluster.untilReady('org', name);
    await cluster.untilReady('se', 'quiet-shifts');
    await cluster.untilReady('se', 'broken', 'Invalid');
    await cluster.untilReady('se', 'lonely', 'OrganizationNotReady');
    await sleep(RESYNC_MS);
    const from = Date.now();
    await sleep(QUIET_MS);
    const writes = (await requests()).filter(
      ({ verb, resource, receivedAt }) => WRITES.includes(verb) && resource !== 'leases' && receivedAt > from,
    );
    assert.deepEqual(writes, []);
    await operator.close();
  });

  it('is refused nothing that it asks for with its Role', async () => {
    const seen = await requests();
    const kinds = new Set(
      seen.map(({ verb, resource, subresource }) => `${verb} ${resource}/${subresource ?? ''}`),
    );
    for (const wanted of [
      'create secrets/',
      'patch organizations/status',
      'update leases/',
      'watch secrets/',
    ])
      assert.ok(kinds.has(wanted), `${wanted} was never asked for`);
    assert.deepEqual(
      seen.filter(({ code }) => code === 403 || code === 401),
      [],
    );
  });

  it('may do nothing else: no tenant may be made, nothing outside of its namespaces read, no other Lease written', async () => {
    const may = async (...args: string[]) =>
      (await cluster.plane.kubectl(['auth', 'can-i', ...args, `--as=${user}`])).stdout.trim();
    const here = ['-n', cluster.namespace];
    assert.equal(await may('patch', 'organizations', '--subresource=status', ...here), 'yes');
    for (const refused of [
      ['create', 'organizations', ...here],
      ['delete', 'organizations', ...here],
      ['update', 'schemaenablements', ...here],
      ['update', 'secrets', ...here],
      ['patch', 'secrets', ...here],
      ['get', 'secrets', '-n', 'kube-system'],
      ['list', 'organizations', '-n', 'default'],
      ['update', 'leases/another', ...here],
      ['get', 'pods', ...here],
      ['get', 'configmaps', ...here],
      ['create', 'serviceaccounts', '--subresource=token', ...here],
      ['bind', 'clusterroles'],
    ])
      assert.equal(await may(...refused), 'no', refused.join(' '));
  });

  it('takes notice of the namespaces that it is given and of no other', async () => {
    const other = `other-${randomBytes(3).toString('hex')}`;
    const { plane } = cluster;
    await plane.mustKubectl(['create', 'namespace', other]);
    const bind = ['create', 'rolebinding', 'piing-operator', '--clusterrole=piing-operator'];
    await plane.mustKubectl(['-n', other, ...bind, `--serviceaccount=${cluster.namespace}:piing-operator`]);
    const elsewhere = (name: string) => ({ ...organization(name), metadata: { name, namespace: other } });
    const apply = (manifest: object) =>
      plane.mustKubectl(
        ['apply', '-f', '-'],
        JSON.stringify({ apiVersion: 'piing.ai/v1alpha1', ...manifest }),
      );
    const ready = async (name: string) =>
      plane.kubectl(['-n', other, 'wait', '--for=condition=Ready', `org/${name}`, '--timeout=3s']);

    await apply(elsewhere('not-ours'));
    let operator = await cluster.startOperator();
    assert.notEqual((await ready('not-ours')).code, 0);
    await operator.close();

    operator = await cluster.startOperator({ watchNamespaces: [cluster.namespace, other] });
    assert.equal((await ready('not-ours')).code, 0);
    await cluster.apply(organization('ours'));
    await cluster.untilReady('org', 'ours');

    // The first namespace that uses a name owns it.
    await apply(elsewhere('ours'));
    await plane.mustKubectl([
      '-n',
      other,
      'wait',
      '--for=jsonpath={.status.conditions[0].reason}=Conflict',
      'org/ours',
      '--timeout=10s',
    ]);
    const message = await plane.mustKubectl([
      '-n',
      other,
      'get',
      'org',
      'ours',
      '-o',
      'jsonpath={.status.conditions[0].message}',
    ]);
    assert.match(message, new RegExp(`The name ours belongs to namespace ${cluster.namespace}`));
    await plane.mustKubectl(['-n', other, 'delete', 'org', 'ours', '--timeout=10s']);
    assert.equal(condition(await cluster.get('org', 'ours'), 'Ready')?.status, 'True');
    assert.equal(await cluster.logsIn(await cluster.pair('ours-pos')), true);
    await plane.mustKubectl(['-n', other, 'delete', 'org', '--all', '--timeout=10s']);
    await operator.close();
  });
});
