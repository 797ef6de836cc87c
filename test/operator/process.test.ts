import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Cluster, condition, newCluster, organization } from './fixture.ts';

const AWAY_MS = 20_000;
/** Less than the default, so that taking over takes less. */
const LEASE_SECONDS = 9;

interface Replica {
  readonly child: ChildProcess;
  readonly user: string;
  readonly metricsPort: number;
  readonly ended: Promise<number | null>;
}

/** `piing operator` as a Deployment runs it: two replicas, each with a ServiceAccount of its own to tell them apart. */
describe('piing operator', function () {
  this.timeout(120_000);
  let cluster: Cluster;
  const replicas: Replica[] = [];
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('process');
  });
  after(async () => {
    for (const { child } of replicas) child.kill('SIGKILL');
    await Promise.all(replicas.map(({ ended }) => ended));
    await cluster.close();
  });

  async function start(account: string): Promise<Replica> {
    const { kubectl, namespace, plane, database } = cluster;
    if (account !== 'piing-operator') {
      await kubectl('create', 'serviceaccount', account);
      for (const role of ['--clusterrole=piing-operator', '--role=piing-operator-leader'])
        await kubectl(
          'create',
          'rolebinding',
          `${account}-${role.split('=')[1]}`,
          role,
          `--serviceaccount=${namespace}:${account}`,
        );
    }
    const token = (await kubectl('create', 'token', account, '--duration=1h')).trim();
    const metricsPort = await freePort();
    const child = spawn(process.execPath, ['src/main.ts', 'operator'], {
      env: {
        PATH: process.env.PATH,
        KUBECONFIG: await plane.writeKubeconfig(`${namespace}-${account}`, token),
        DATABASE_URL: database.url,
        PIING_BIND_ADDRESS: '127.0.0.1',
        PIING_METRICS_PORT: String(metricsPort),
        PIING_WATCH_NAMESPACES: namespace,
        PIING_OPERATOR_NAMESPACE: namespace,
        PIING_LEASE_SECONDS: String(LEASE_SECONDS),
        PIING_LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'fatal',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const replica = { child, user: `system:serviceaccount:${namespace}:${account}`, metricsPort, ended };
    replicas.push(replica);
    await until(async () => ((await fetchFrom(replica, '/readyz'))?.ok ? true : undefined));
    return replica;
  }

  const fetchFrom = ({ metricsPort }: Replica, path: string) =>
    fetch(`http://127.0.0.1:${metricsPort}${path}`).catch(() => undefined);

  /** Writes to anything but the Lease. */
  const writesOf = async ({ user }: Replica) =>
    (await cluster.plane.audit()).filter(
      (entry) =>
        entry.user === user &&
        ['create', 'update', 'patch', 'delete'].includes(entry.verb) &&
        entry.resource !== 'leases',
    );

  it('serves health, and metrics under the names that dashboards of operators know', async () => {
    const replica = await start('piing-operator');
    await cluster.apply(organization('first'));
    await cluster.untilReady('org', 'first');
    const lines = [
      /^controller_runtime_reconcile_total\{controller="organization",result="requeue_after"\} [1-9]/m,
      /^controller_runtime_reconcile_errors_total\{controller="organization"\} 0$/m,
      /^controller_runtime_reconcile_time_seconds_count\{controller="organization"\} [1-9]/m,
      /^workqueue_depth\{name="schemaenablement"\} 0$/m,
      /^workqueue_adds_total\{name="organization"\} [1-9]/m,
      /^workqueue_queue_duration_seconds_bucket/m,
      /^leader_election_master_status\{name="piing-operator"\} 1$/m,
      /^rest_client_requests_total\{method="PATCH",code="200"\} [1-9]/m,
      /^piing_operator_resources\{kind="Organization",ready="true"\} 1$/m,
      /^piing_operator_resources\{kind="Organization",ready="false"\} 0$/m,
      /^piing_operator_resources\{kind="SchemaEnablement",ready="unknown"\} 0$/m,
      /^piing_operator_refused 0$/m,
    ];
    let text = '';
    // A reconciliation is counted a moment after its status was written.
    await until(async () => {
      text = (await (await fetchFrom(replica, '/metrics'))?.text()) ?? '';
      return lines.every((line) => line.test(text)) ? true : undefined;
    }).catch(() => undefined);
    for (const line of lines) assert.match(text, line);
    assert.equal((await fetchFrom(replica, '/livez'))?.status, 200);
  });

  it('is taken over by another replica when its leader is killed, and at no time do two write', async () => {
    const [leader] = replicas;
    assert.ok(leader);
    const standby = await start('standby');
    let count = 0;
    let applying = true;
    const work = (async () => {
      while (applying) {
        count += 1;
        await cluster.apply(organization(`tenant-${count}`));
        await sleep(200);
      }
    })();
    await until(async () => ((await writesOf(leader)).length > 20 ? true : undefined));
    assert.deepEqual(await writesOf(standby), []);
    leader.child.kill('SIGKILL');
    const killedAt = Date.now();
    await until(async () => ((await writesOf(standby)).length > 20 ? true : undefined), 40_000);
    applying = false;
    await work;
    await cluster.untilReady('org', `tenant-${count}`);
    const lastOfLeader = Math.max(...(await writesOf(leader)).map(({ answeredAt }) => answeredAt));
    const firstOfStandby = Math.min(...(await writesOf(standby)).map(({ receivedAt }) => receivedAt));
    assert.ok(firstOfStandby > lastOfLeader, 'two wrote at the same time');
    assert.ok(
      firstOfStandby - killedAt < (LEASE_SECONDS + 10) * 1_000,
      `${firstOfStandby - killedAt} ms without a leader`,
    );
  });

  it('hands over at once when it is stopped', async () => {
    const standby = replicas.at(-1);
    assert.ok(standby);
    const successor = await start('successor');
    const stoppedAt = Date.now();
    standby.child.kill('SIGTERM');
    assert.equal(await standby.ended, 0);
    await cluster.apply(organization('handed-over'));
    await cluster.untilReady('org', 'handed-over');
    assert.ok(Date.now() - stoppedAt < 10_000);
    assert.ok((await writesOf(successor)).length > 0);
  });

  it('does not finish what it was doing when it is stopped for so long that another leads', async () => {
    const frozen = replicas.at(-1);
    assert.ok(frozen);
    const [, successor] = await Promise.all([
      cluster.apply(organization('torn', { displayName: 'first' })),
      start('after-frozen'),
    ]);
    await cluster.untilReady('org', 'torn');
    const rename = async (displayName: string) =>
      cluster.apply(organization('torn', { displayName, suspended: displayName === 'second' }));
    const displayName = async () =>
      (await cluster.database.pool.query("SELECT display_name FROM piing.organizations WHERE id = 'torn'"))
        .rows[0]?.display_name;
    // The row is held, so that the leader is in the middle of a transaction when it is stopped.
    const holder = await cluster.database.pool.connect();
    await holder.query("BEGIN; SELECT FROM piing.organizations WHERE id = 'torn' FOR UPDATE");
    await rename('second');
    await until(async () => (await waitingForLock()) || undefined);
    frozen.child.kill('SIGSTOP');
    await holder.query('COMMIT');
    holder.release();
    await rename('third');
    await until(async () => ((await displayName()) === 'third' ? true : undefined), 60_000);
    frozen.child.kill('SIGCONT');
    assert.equal(await frozen.ended, 1);
    await cluster.untilReady('org', 'torn');
    assert.equal(await displayName(), 'third');
    assert.ok((await writesOf(successor)).length > 0);
  });

  /** True while an operator waits for a row. */
  const waitingForLock = async () => {
    const { rowCount } = await cluster.database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'piing-operator'
          AND wait_event_type = 'Lock'`,
    );
    return rowCount !== 0;
  };

  it('ends when it leads and the API server is away for long; another goes on when that is back 20 s later', async () => {
    const leader = replicas.at(-1);
    assert.ok(leader);
    const [standby] = await Promise.all([start('after-outage'), cluster.apply(organization('steady'))]);
    const pair = await cluster.pair('steady-pos');
    await cluster.untilReady('org', 'steady');
    const awayAt = Date.now();
    await cluster.plane.killApiServer();
    // What the operators saw last is forgotten too.
    await cluster.plane.compact();
    assert.equal(await leader.ended, 1);
    assert.equal(await cluster.logsIn(pair), true);
    await sleep(AWAY_MS - (Date.now() - awayAt));
    await cluster.plane.startApiServer();
    await cluster.apply(organization('steady', { suspended: true }), organization('late'));
    await cluster.untilReady('org', 'late');
    await cluster.until('org', 'steady', (each) => condition(each, 'Suspended')?.status === 'True');
    assert.equal(await cluster.logsIn(pair), false);
    assert.equal(standby.child.exitCode, null);
    assert.ok((await writesOf(standby)).length > 0);
  });

  it('says what is missing when there is no cluster', async () => {
    const child = spawn(process.execPath, ['src/main.ts', 'operator'], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', DATABASE_URL: cluster.database.url },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 1);
    assert.match(said, /^There is no cluster to work for\. Run the operator in a pod, or set KUBECONFIG/);
  });
});
