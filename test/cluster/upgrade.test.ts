import assert from 'node:assert/strict';
import { RELEASE } from '../support/helm.ts';
import { IMAGE, NEXT_VERSION, VERSION } from './support/images.ts';
import { NAMESPACE, podsOf, ROLES, untilReady, upgrade } from './support/release.ts';
import { report } from './support/report.ts';
import { putSteadily, type SteadyPut } from './support/sftp-client.ts';
import { FIRST_TIMEOUT_MS, type Installed, installed, smallFile, untilLoaded } from './support/world.ts';

describe('While clients keep putting files, an administrator', function () {
  this.timeout(900_000);
  let world: Installed;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
  });

  /** Puts files for as long as the action takes; the numbers of `series` are nobody else's. */
  async function whilePutting(series: number, action: () => Promise<unknown>): Promise<readonly SteadyPut[]> {
    const steady = putSteadily(world.client, `steady-${series}`, (number) =>
      smallFile(series * 1_000 + number),
    );
    try {
      await action();
    } finally {
      await steady.stop();
    }
    return steady.puts;
  }

  /** No put failed twice, and what was acknowledged has become rows. */
  async function nothingIsLost(series: number, puts: readonly SteadyPut[]): Promise<void> {
    const twice = puts.filter(({ acknowledged }) => !acknowledged);
    assert.deepEqual(twice, [], 'failed twice');
    await untilLoaded(
      world,
      puts.map(({ number }) => series * 1_000 + number),
    );
    const once = puts.filter(({ failures }) => failures.length > 0).length;
    process.stdout.write(`    ${puts.length} files put meanwhile, ${once} of them at the second try\n`);
    assert.ok(puts.length >= 3, 'the client was not held up');
  }

  const images = async () =>
    new Set(
      (await Promise.all(ROLES.map((role) => podsOf(world.node, role)))).flat().map(({ image }) => image),
    );

  it('upgrades: no put fails twice, and nothing that was acknowledged is lost', async () => {
    const puts = await whilePutting(1, () => report('helm upgrade', () => upgrade(world.node, NEXT_VERSION)));
    await nothingIsLost(1, puts);
    assert.deepEqual(await images(), new Set([`${IMAGE}:${NEXT_VERSION}`]));
  });

  it('restarts every Deployment: no put fails twice, and nothing that was acknowledged is lost', async () => {
    const before = await podsOf(world.node, 'gateway');
    const puts = await whilePutting(2, () => report('kubectl rollout restart', restart));
    await nothingIsLost(2, puts);
    const after = (await podsOf(world.node, 'gateway')).map(({ name }) => name);
    assert.deepEqual(
      before.filter(({ name }) => after.includes(name)),
      [],
    );
  });

  it('rolls back: no put fails twice, and nothing that was acknowledged is lost', async () => {
    const rollback = () =>
      world.node.helm(['rollback', RELEASE, '1', `--namespace=${NAMESPACE}`, '--wait', '--timeout=9m']);
    const puts = await whilePutting(3, () => report('helm rollback', rollback));
    await nothingIsLost(3, puts);
    for (const role of ROLES) await untilReady(world.node, role);
    assert.deepEqual(await images(), new Set([`${IMAGE}:${VERSION}`]));
  });

  async function restart(): Promise<void> {
    const inNamespace = `--namespace=${NAMESPACE}`;
    await world.node.mustKubectl(['rollout', 'restart', 'deployment', inNamespace]);
    for (const role of ROLES)
      await world.node.mustKubectl([
        ...['rollout', 'status', `deployment/${RELEASE}-${role}`],
        ...[inNamespace, '--timeout=9m'],
      ]);
  }
});
