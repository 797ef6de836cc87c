import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkPromise, everythingEnded } from '../faults/checker.ts';
import type { SentFile } from '../faults/files.ts';
import { NODE_NAME } from './support/control-plane.ts';
import { type Judged, judged } from './support/judged.ts';
import { killContainer } from './support/kubelet.ts';
import { eventually } from './support/node.ts';
import { databaseContainer, killDatabasePod, untilOtherDatabase } from './support/postgres.ts';
import { NAMESPACE, type Pod, podsOf, ROLES, untilReady } from './support/release.ts';
import { report, say } from './support/report.ts';
import { type Sending, startSending } from './support/sending.ts';
import { addTenant } from './support/tenant.ts';
import { FIRST_TIMEOUT_MS, type Installed, installed } from './support/world.ts';

const SEED = 1;

describe('While clients keep putting files by SFTP and HTTP', function () {
  this.timeout(900_000);
  let world: Installed;
  let promise: Judged;
  let sending: Sending;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
    const tenants = [await addTenant(world.node, 'cracked-cafe'), await addTenant(world.node, 'dented-deli')];
    promise = await judged(world, tenants);
    sending = startSending(promise.doors, SEED);
  });
  after(() => sending?.stop());

  /** What breaks and heals, between files that are acknowledged before and files that are acknowledged after it. */
  async function survives(what: string, breakAndHeal: () => Promise<unknown>): Promise<void> {
    await sending.flows();
    const since = performance.now();
    await breakAndHeal();
    const healed = performance.now();
    await sending.flows();
    const seconds = (door: SentFile['door']) => `${door} ${sending.silence(door, since).toFixed(1)} s`;
    say(
      `${what}: as before after ${((healed - since) / 1_000).toFixed(1)} s, ` +
        `nothing acknowledged for at most: ${seconds('sftp')}, ${seconds('http')}`,
    );
  }

  const deletePods = (names: readonly string[]) =>
    world.node.mustKubectl([
      ...['delete', 'pod', `--namespace=${NAMESPACE}`, '--grace-period=0', '--force'],
      ...names,
    ]);
  const namesOf = async (role: (typeof ROLES)[number]) =>
    (await podsOf(world.node, role)).map(({ name }) => name);
  const everybodyReady = () => Promise.all(ROLES.map((role) => untilReady(world.node, role)));

  for (const role of ROLES)
    it(`when one ${role} is killed, or both are, files are acknowledged again`, async () => {
      const kill = async (pods: readonly Pod[]) => {
        for (const { container } of pods) await killContainer(world.node, container);
      };
      await survives(`one ${role} killed in its pod`, async () => {
        const pods = (await untilReady(world.node, role)).slice(0, 1);
        await kill(pods);
        await untilReady(
          world.node,
          role,
          pods.map(({ container }) => container),
        );
      });
      await survives(`both pods of ${role} killed`, async () => {
        const pods = await untilReady(world.node, role);
        // Deleted alone, they would have two seconds to stop in order.
        await kill(pods);
        await deletePods(pods.map(({ name }) => name));
        await untilReady(world.node, role);
      });
    });

  it('PostgreSQL comes back when its server is killed, as by a kernel that is out of memory', async () => {
    await survives('PostgreSQL killed in its pod', async () => {
      const { id } = await databaseContainer(world.node);
      await killContainer(world.node, id);
      await untilOtherDatabase(world.node, id);
    });
  });

  it('PostgreSQL comes back when its pod is killed', async () => {
    await survives('pod of PostgreSQL killed', async () => {
      const { id } = await databaseContainer(world.node);
      await killDatabasePod(world.node);
      await untilOtherDatabase(world.node, id);
    });
  });

  it('the S3 server comes back when it was killed and away for five seconds', async () => {
    await survives('S3 server killed', async () => {
      await world.stores.server.kill();
      await sleep(5_000);
      await world.stores.server.restart();
    });
  });

  it('containerd may be killed and be away for ten seconds, and starts pods again after', async () => {
    await survives('containerd killed', async () => {
      await world.node.containerd.kill();
      await sending.flows();
      await sleep(10_000);
      await world.node.containerd.restart();
      await deletePods((await namesOf('gateway')).slice(0, 1));
      await untilReady(world.node, 'gateway');
    });
  });

  it('kubelet may be away until its node counts as lost, while pods are deleted whose processes go on', async () => {
    const { kubelet, mustKubectl } = world.node;
    const untilNode = (condition: string) =>
      mustKubectl(['wait', `--for=condition=Ready=${condition}`, `node/${NODE_NAME}`, '--timeout=300s']);
    await survives('kubelet killed', async () => {
      await kubelet.kill();
      const [[gateway = ''], [worker = '']] = [await namesOf('gateway'), await namesOf('worker')];
      await deletePods([gateway, worker]);
      await sending.flows();
      await report('node lost', () => untilNode('Unknown'));
      assert.ok(await wasSeenLately(gateway), 'it has nobody who would end it');
      // No Service sends a new connection to any pod of that node.
      await sleep(10_000);
      await kubelet.restart();
      await untilNode('True');
      await report('all pods ready', everybodyReady);
    });
  });

  /** Whether the process of a pod has lately told the database that it lives. */
  async function wasSeenLately(pod: string): Promise<boolean> {
    const { rowCount } = await world.stores.pool.query(
      "SELECT FROM piing.instances WHERE host = $1 AND seen_at > now() - interval '20 s'",
      [pod],
    );
    return rowCount === 1;
  }

  describe('the campaign’s checker', () => {
    let sent: readonly SentFile[];

    before(async () => {
      await sending.stop();
      await report('everything ended', () => eventually(() => everythingEnded(world.stores.pool)));
      sent = sending.sent();
      const told = (what: string) => sent.filter((file) => file.told === what).length;
      say(
        `${sent.length} files sent, ${told('acknowledged')} acknowledged, ${told('refused')} refused, ` +
          `${told('nothing')} without an answer`,
      );
    });

    it('finds every file that was acknowledged: whole, once, under its owner, and nothing left behind', async () => {
      const findings = await report('looked at everything', () => checkPromise(promise.world, sent));
      assert.deepEqual(Object.values(findings).flat(), []);
    });

    it('would find an acknowledged file that is not there, and a row that is missing', async () => {
      const [file] = sent.filter(({ told }) => told === 'acknowledged');
      assert.ok(file);
      const client = await world.stores.pool.connect();
      try {
        await client.query('BEGIN');
        const { rowCount } = await client.query(
          `DELETE FROM public.org_transactions WHERE ctid =
            (SELECT ctid FROM public.org_transactions WHERE organization_id = ANY ($1) LIMIT 1)`,
          [promise.world.organizations],
        );
        assert.equal(rowCount, 1);
        const { lost, wrongRows } = await checkPromise(
          { ...promise.world, pool: client },
          [...sent, { ...file, name: 'never.csv' }],
          { objects: false },
        );
        assert.deepEqual(lost, ['never.csv was acknowledged and has 0 received uploads']);
        assert.match(wrongRows.join(), /is missing/);
        assert.equal(wrongRows.length, 1);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    });
  });
});
