import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';
import { type Cluster, condition, newCluster, organization } from './fixture.ts';

describe('The operator', function () {
  this.timeout(120_000);
  let cluster: Cluster;
  let user: string;
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('behaviour');
    user = `system:serviceaccount:${cluster.namespace}:piing-operator`;
  });
  after(() => cluster.close());

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
    const other = await cluster.moreNamespace();
    const { plane } = cluster;
    const ready = async (name: string) =>
      plane.kubectl(['-n', other, 'wait', '--for=condition=Ready', `org/${name}`, '--timeout=3s']);

    await cluster.applyIn(other, organization('not-ours'));
    let operator = await cluster.startOperator();
    assert.notEqual((await ready('not-ours')).code, 0);
    await operator.close();

    operator = await cluster.startOperator({ watchNamespaces: [cluster.namespace, other] });
    assert.equal((await ready('not-ours')).code, 0);
    await cluster.apply(organization('ours'));
    await cluster.untilReady('org', 'ours');

    // The first namespace that uses a name owns it.
    await cluster.applyIn(other, organization('ours'));
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

  it('leaves its namespaces to the install that was there first, until an administrator puts it in charge', async () => {
    const other = await cluster.moreNamespace();
    const registry = new Registry();
    let lost = false;
    const first = await cluster.startOperator({
      onLost: () => {
        lost = true;
      },
    });
    await cluster.apply(organization('contested'));
    await cluster.untilReady('org', 'contested');
    const second = await cluster.startOperator({
      registry,
      leaseNamespace: other,
      watchNamespaces: [cluster.namespace, other],
    });
    await until(async () => /^piing_operator_refused 1$/m.test(await registry.metrics()) || undefined);
    await assert.rejects(second.check(), /Another operator is in charge of namespace behaviour-/);
    await cluster.applyIn(other, organization('only-the-seconds'));

    const piing = async (...args: string[]) => {
      const env = { DATABASE_URL: cluster.database.url };
      const { code, stdout, stderr } = await run(process.execPath, ['src/main.ts', 'operators', ...args], {
        env,
      });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const known = JSON.parse(await piing('list', '--json')) as { id: string; inCharge: boolean }[];
    assert.deepEqual(known.map(({ inCharge }) => inCharge).sort(), [false, true]);
    const [, { stdout }] = await Promise.all([
      piing('put-in-charge', known.find(({ inCharge }) => !inCharge)?.id ?? ''),
      cluster.plane.kubectl(['-n', other, 'get', 'org', 'only-the-seconds', '-o', 'jsonpath={.status}']),
    ]);
    assert.equal(stdout, '', 'it worked without being in charge');

    const ready = ['wait', '--for=condition=Ready', 'org/only-the-seconds', '--timeout=30s'];
    await cluster.plane.mustKubectl(['-n', other, ...ready]);
    await cluster.apply(organization('contested', { suspended: true }));
    await until(async () => lost || undefined);
    await cluster.until('org', 'contested', (each) => condition(each, 'Suspended')?.status === 'True');
    await second.check();
    await first.close();
    await second.close();
  });
});
