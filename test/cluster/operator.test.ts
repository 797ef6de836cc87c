import assert from 'node:assert/strict';
import { eventually } from './support/node.ts';
import { apply, NAMESPACE, podsOf, untilReady } from './support/release.ts';
import { report } from './support/report.ts';
import { organization } from './support/tenant.ts';
import { FIRST_TIMEOUT_MS, type Installed, installed } from './support/world.ts';

describe('When the leading operator is deleted', function () {
  this.timeout(900_000);
  let world: Installed;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
  });

  /** The pod that holds the Lease. */
  async function leader(): Promise<string> {
    const path = '{.items[*].spec.holderIdentity}';
    const args = ['get', 'leases', `--namespace=${NAMESPACE}`, `--output=jsonpath=${path}`];
    return (await world.node.mustKubectl(args)).split('_')[0] ?? '';
  }

  const mayLogIn = async () => (await world.client.batch('ls\n')).code === 0;
  const untilLogin = (wanted: boolean) =>
    eventually(async () => ((await mayLogIn()) === wanted ? true : undefined));

  it('the other leads, and what kubectl applies then takes effect at the gateway', async () => {
    const pods = (await untilReady(world.node, 'operator')).map(({ name }) => name);
    const first = await leader();
    assert.ok(pods.includes(first), `${first} is one of ${pods}`);
    assert.ok(await mayLogIn());
    await report('another operator leads', async () => {
      await world.node.mustKubectl(['delete', 'pod', first, `--namespace=${NAMESPACE}`, '--wait=false']);
      await eventually(async () => {
        const now = await leader();
        return now && now !== first ? now : undefined;
      });
    });
    await apply(world.node, organization(world.tenant.organization, { suspended: true }));
    await untilLogin(false);
    await apply(world.node, organization(world.tenant.organization, { suspended: false }));
    await untilLogin(true);
    assert.equal((await untilReady(world.node, 'operator')).length, 2);
    assert.ok(!(await podsOf(world.node, 'operator')).some(({ name }) => name === first));
  });
});
