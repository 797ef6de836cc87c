import assert from 'node:assert/strict';
import { RELEASE } from '../support/helm.ts';
import { IMAGE, NEXT_IMAGE, NEXT_TAG } from './support/images.ts';
import { NAMESPACE, podsOf, ROLES, untilReady, upgrade } from './support/release.ts';
import { report, say } from './support/report.ts';
import { putSteadily, type SteadyPut } from './support/steady-client.ts';
import { FIRST_TIMEOUT_MS, type Installed, installed, smallFile, untilLoaded } from './support/world.ts';

describe('While clients keep putting files, an administrator', function () {
  this.timeout(900_000);
  let world: Installed;
  /** Tells the files of one client from those of all others. */
  let series = 0;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
  });

  /**
   * Puts files until the action is done and every gateway of before is gone: one client with a session for each file,
   * one that stays connected for longer than pods wait before they drain.
   */
  async function losesNothing(action: () => Promise<unknown>): Promise<void> {
    const before = await podsOf(world.node, 'gateway');
    const clients = [{ filesInSession: 1 }, { filesInSession: 40, pauseSeconds: 0.3 }].map((habit) => {
      series += 1;
      return putSteadily(world.client, { ...habit, first: series * 10_000, content: smallFile });
    });
    try {
      await action();
      const gone = before.map(({ name }) => `pod/${name}`);
      const wait = ['wait', '--for=delete', `--namespace=${NAMESPACE}`, '--timeout=5m'];
      await world.node.mustKubectl([...wait, ...gone]);
    } finally {
      await Promise.all(clients.map((client) => client.stop()));
    }
    for (const client of clients) await judge(await client.stop());
  }

  /** No put failed twice, and what was acknowledged has become rows. */
  async function judge(puts: readonly SteadyPut[]): Promise<void> {
    const failures = puts.flatMap((put) => put.failures);
    say(`${puts.length} files put meanwhile, ${failures.length} of them at the second try`);
    for (const failure of new Set(failures)) say(`  ${failure}`);
    assert.ok(puts.length >= 3, 'the client was not held up');
    const twice = puts.filter((put) => put.failures.length > 1);
    assert.deepEqual(twice, [], 'failed twice');
    await untilLoaded(
      world,
      puts.map(({ number }) => number),
    );
  }

  const images = async () => {
    const pods = await Promise.all(ROLES.map((role) => untilReady(world.node, role)));
    return new Set(pods.flat().map(({ image }) => image));
  };

  it('upgrades: no put fails twice, and nothing that was acknowledged is lost', async () => {
    await losesNothing(() => report('helm upgrade', () => upgrade(world.node, NEXT_TAG)));
    assert.deepEqual(await images(), new Set([NEXT_IMAGE]));
  });

  it('restarts every Deployment: no put fails twice, and nothing that was acknowledged is lost', async () => {
    await losesNothing(() => report('kubectl rollout restart', restart));
    assert.deepEqual(await images(), new Set([NEXT_IMAGE]));
  });

  it('rolls back: no put fails twice, and nothing that was acknowledged is lost', async () => {
    const command = ['rollback', RELEASE, '1', `--namespace=${NAMESPACE}`, '--wait', '--timeout=9m'];
    await losesNothing(() => report('helm rollback', () => world.node.helm(command)));
    assert.deepEqual(await images(), new Set([IMAGE]));
  });

  async function restart(): Promise<void> {
    const { mustKubectl } = world.node;
    await mustKubectl(['rollout', 'restart', 'deployment', `--namespace=${NAMESPACE}`]);
    for (const role of ROLES) {
      const deployment = `deployment/${RELEASE}-${role}`;
      await mustKubectl(['rollout', 'status', deployment, `--namespace=${NAMESPACE}`, '--timeout=9m']);
    }
  }
});
