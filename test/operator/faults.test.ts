import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ORGANIZATIONS, type Organization } from '../../src/operator/kinds.ts';
import { createApiClient } from '../../src/operator/runtime/api-client.ts';
import { createResourceClient } from '../../src/operator/runtime/resource-client.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { until } from '../support/until.ts';
import { type Cluster, condition, enablement, newCluster, organization } from './fixture.ts';

describe('The operator goes on', function () {
  this.timeout(90_000);
  let cluster: Cluster;
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('faults');
  });
  after(() => cluster.close());

  it('while its connections are cut every second', async () => {
    const proxy = await startCuttingProxy(cluster.plane.port, 1_000);
    const { path } = await cluster.kubeconfig('cut', proxy.port);
    const operator = await cluster.startOperator({ kubeconfig: path });
    for (let round = 0; round < 4; round += 1) {
      await cluster.apply(organization(`cut-${round}`), enablement(`cut-${round}`, `cut-${round}`));
      await cluster.untilReady('se', `cut-${round}`);
      await cluster.untilReady('org', `cut-${round}`);
    }
    await cluster.kubectl('delete', 'org', 'cut-0', '--timeout=20s');
    assert.ok(proxy.cuts > 5, `${proxy.cuts} cuts`);
    await operator.close();
    await proxy.close();
  });

  it('when its token has expired and the kubelet has written a new one', async () => {
    const { path, tokenFile } = await cluster.kubeconfig('expiring');
    // So long that a busy machine does not cost it the lead before the new token is there.
    const operator = await cluster.startOperator({ kubeconfig: path, leaseDurationMs: 60_000 });
    await cluster.apply(organization('first-token'));
    await cluster.untilReady('org', 'first-token');
    const old = (await readFile(tokenFile, 'utf8')).trim();
    await cluster.kubectl('delete', 'serviceaccount', 'piing-operator');
    await cluster.kubectl('create', 'serviceaccount', 'piing-operator');
    const withOld = ['--token', old, 'get', 'org', '-n', cluster.namespace];
    // The API server believes a token that it has seen for ten seconds more.
    await until(async () => {
      const { stderr } = await cluster.plane.kubectl([
        '--kubeconfig',
        '/dev/null',
        ...withOld,
        ...cluster.plane.flags,
      ]);
      return /Unauthorized|must be logged in/.test(stderr) ? true : undefined;
    });
    await cluster.apply(organization('second-token'));
    await sleep(1_000);
    assert.equal((await cluster.get('org', 'second-token')).status, undefined);
    await writeFile(tokenFile, await cluster.newToken());
    await cluster.untilReady('org', 'second-token');
    await operator.close();
  });

  it('while a second writer changes the same resources all the time', async () => {
    // The ServiceAccount is another one since the test before.
    const { path } = await cluster.kubeconfig('storm');
    const operator = await cluster.startOperator({ kubeconfig: path });
    const config = loadKubeconfig(cluster.plane.kubeconfig);
    const api = createApiClient({ config, userAgent: 'second-writer' });
    const organizations = createResourceClient<Organization>(api, ORGANIZATIONS, 'second-writer');
    let writing = true;
    let writes = 0;
    const storm = async (name: string) => {
      while (writing) {
        writes += 1;
        const value = { 'example.org/count': String(writes) };
        await organizations.jsonPatch(cluster.namespace, name, [
          { op: 'add', path: '/metadata/annotations', value },
        ]);
      }
    };
    await cluster.apply(organization('stormy'));
    const storms = [storm('stormy'), storm('stormy')];
    await cluster.untilReady('org', 'stormy');
    await until(async () => (writes > 100 ? true : undefined));
    await cluster.kubectl('patch', 'org', 'stormy', '--type=merge', '-p', '{"spec":{"suspended":true}}');
    await cluster.until('org', 'stormy', (each) => condition(each, 'Suspended')?.status === 'True');
    const deleting = cluster.kubectl('delete', 'org', 'stormy', '--timeout=20s');
    const gone = Promise.allSettled(storms);
    await deleting;
    writing = false;
    await gone;
    await operator.close();
  });
});
