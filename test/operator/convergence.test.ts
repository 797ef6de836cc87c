import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Organization } from '../../src/operator/kinds.ts';
import type { Operator } from '../../src/operator/operator.ts';
import { newUploadId } from '../../src/support/ids.ts';
import { until } from '../support/until.ts';
import { type Cluster, condition, enablement, newCluster, organization } from './fixture.ts';

const RESYNC_MS = 1_500;

describe('The operator', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let operator: Operator;
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('convergence');
    operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
  });
  after(() => cluster.close());

  const query = async (sql: string, ...values: unknown[]) =>
    (await cluster.database.pool.query(sql, values)).rows;

  it('catches up with what happened while it was down', async () => {
    await cluster.apply(
      organization('kept'),
      organization('edited'),
      organization('deleted'),
      enablement('gone', 'kept'),
    );
    const [kept, edited, deleted] = await Promise.all(
      ['kept-pos', 'edited-pos', 'deleted-pos'].map(cluster.pair),
    );
    await cluster.untilReady('se', 'gone');
    await operator.close();
    await cluster.apply(
      organization('edited', { suspended: true }),
      organization('new'),
      enablement('new-shifts', 'new'),
    );
    await cluster.kubectl('delete', 'org/deleted', 'se/gone', '--wait=false');
    operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
    await cluster.untilReady('se', 'new-shifts');
    await until(async () => ((await cluster.logsIn(deleted ?? never())) ? undefined : true));
    await cluster.until('org', 'edited', (each) => condition(each, 'Suspended')?.status === 'True');
    assert.deepEqual(
      [await cluster.logsIn(kept ?? never()), await cluster.logsIn(edited ?? never())],
      [true, false],
    );
    await until(async () =>
      (await cluster.kubectl('get', 'se', '-o', 'name')).includes('/gone') ? undefined : true,
    );
    assert.deepEqual(await query("SELECT FROM piing.schema_enablements WHERE name = 'gone'"), []);
  });

  it('heals what somebody changed in the database', async () => {
    await cluster.apply(
      organization('drifting', { displayName: 'Drifting' }),
      enablement('drifting-shifts', 'drifting'),
    );
    const pair = await cluster.pair('drifting-pos');
    await cluster.untilReady('se', 'drifting-shifts');
    await query("DELETE FROM piing.schema_enablements WHERE name = 'drifting-shifts'");
    await query("UPDATE piing.organizations SET suspended = true, display_name = NULL WHERE id = 'drifting'");
    await until(async () => (await cluster.logsIn(pair)) || undefined);
    await until(
      async () =>
        (await query("SELECT FROM piing.schema_enablements WHERE name = 'drifting-shifts'"))[0] as
          | object
          | undefined,
    );
  });

  it('issues new secrets of the same client ids after the database has lost everything', async () => {
    await cluster.apply(organization('restored'), enablement('restored-shifts', 'restored'));
    const before = await cluster.pair('restored-pos');
    await cluster.untilReady('org', 'restored');
    await cluster.untilReady('se', 'restored-shifts');
    await query(
      'TRUNCATE piing.organizations, piing.credentials, piing.credential_secrets, piing.schema_enablements CASCADE',
    );
    const after = await until(async () => {
      const pair = await cluster.pair('restored-pos');
      return pair.clientSecret === before.clientSecret ? undefined : pair;
    });
    assert.equal(after.clientId, before.clientId);
    await until(async () => (await cluster.logsIn(after)) || undefined);
    await until(
      async () =>
        (await query("SELECT FROM piing.schema_enablements WHERE name = 'restored-shifts'"))[0] as
          | object
          | undefined,
    );
  });

  it('believes the API server when the database knows a later generation, as after a restore of the cluster', async () => {
    await cluster.apply(organization('rolled-back'), enablement('rolled-back-shifts', 'rolled-back'));
    await cluster.untilReady('se', 'rolled-back-shifts');
    await query("UPDATE piing.organizations SET resource_generation = 9 WHERE id = 'rolled-back'");
    await query(
      "UPDATE piing.schema_enablements SET resource_generation = 9 WHERE name = 'rolled-back-shifts'",
    );
    await cluster.apply(
      organization('rolled-back', { displayName: 'Back' }),
      enablement('rolled-back-shifts', 'rolled-back', 'orgShifts', {
        transformer: { timeZone: 'Asia/Tokyo' },
      }),
    );
    await cluster.untilReady('org', 'rolled-back');
    await cluster.untilReady('se', 'rolled-back-shifts');
    assert.deepEqual(
      await query(
        `SELECT o.display_name, o.resource_generation AS org, e.transformer ->> 'timeZone' AS zone, e.resource_generation AS se
           FROM piing.organizations o JOIN piing.schema_enablements e ON e.organization_id = o.id WHERE o.id = 'rolled-back'`,
      ),
      [{ display_name: 'Back', org: 2, zone: 'Asia/Tokyo', se: 2 }],
    );
  });

  it('works again when a resource was deleted and made again under its name while it was down', async () => {
    await cluster.apply(organization('twin', { displayName: 'First' }), enablement('twin-shifts', 'twin'));
    const pair = await cluster.pair('twin-pos');
    await cluster.untilReady('se', 'twin-shifts');
    for (const generation of [2, 3])
      await cluster.apply(organization('twin', { displayName: `First, ${generation}` }));
    await cluster.untilReady('org', 'twin');
    await operator.close();
    for (const name of ['org/twin', 'se/twin-shifts'])
      await cluster.kubectl('patch', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await cluster.kubectl('delete', 'org/twin', 'se/twin-shifts');
    await cluster.apply(organization('twin', { displayName: 'Second' }));
    await cluster.apply(enablement('twin-shifts', 'twin', 'orgTransactions'));
    operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
    await cluster.untilReady('org', 'twin');
    await cluster.untilReady('se', 'twin-shifts');
    assert.deepEqual(
      await query("SELECT display_name, resource_generation FROM piing.organizations WHERE id = 'twin'"),
      [{ display_name: 'Second', resource_generation: 1 }],
    );
    assert.equal(await cluster.logsIn(pair), true);
  });

  it('closes the doors of a resource whose finalizer was removed by hand while it was down', async () => {
    await cluster.apply(organization('forced'), enablement('forced-shifts', 'forced'));
    const pair = await cluster.pair('forced-pos');
    await cluster.untilReady('se', 'forced-shifts');
    await operator.close();
    for (const name of ['org/forced', 'se/forced-shifts'])
      await cluster.kubectl('patch', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await cluster.kubectl('delete', 'org/forced', 'se/forced-shifts');
    operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
    await until(async () => ((await cluster.logsIn(pair)) ? undefined : true));
    assert.deepEqual(await query("SELECT FROM piing.schema_enablements WHERE name = 'forced-shifts'"), []);
  });

  it('does nothing for a resource that is deleted before it was ever reconciled', async () => {
    await cluster.apply(organization('owner'));
    const pair = await cluster.pair('owner-pos');
    await operator.close();
    const other = `other-${randomBytes(3).toString('hex')}`;
    await cluster.plane.mustKubectl(['create', 'namespace', other]);
    const namesake = {
      apiVersion: 'piing.ai/v1alpha1',
      ...organization('owner'),
      metadata: { name: 'owner', namespace: other, finalizers: ['example.org/held'] },
    };
    await cluster.plane.mustKubectl(['apply', '-f', '-'], JSON.stringify(namesake));
    await cluster.plane.mustKubectl(['-n', other, 'delete', 'org', 'owner', '--wait=false']);
    operator = await cluster.startOperator({ resyncMs: RESYNC_MS });
    await cluster.apply(organization('after'));
    await cluster.untilReady('org', 'after');
    assert.equal(await cluster.logsIn(pair), true);
    await cluster.plane.mustKubectl([
      '-n',
      other,
      'patch',
      'org',
      'owner',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ]);
  });

  it('works while the database comes back, and says meanwhile what it could not do', async () => {
    await cluster.apply(organization('before-outage'));
    await cluster.untilReady('org', 'before-outage');
    const name = new URL(cluster.database.url).pathname.slice(1);
    await cluster.database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await cluster.database.administer(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    await cluster.apply(organization('during-outage'));
    const failed = await cluster.until(
      'org',
      'during-outage',
      (each) => condition(each, 'Ready')?.reason === 'Failed',
    );
    assert.match(
      condition(failed, 'Ready')?.message ?? '',
      /^It could not be applied yet .*and is tried again/,
    );
    assert.equal(condition(await cluster.get('org', 'before-outage'), 'Ready')?.status, 'True');
    await cluster.database.administer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await cluster.untilReady('org', 'during-outage');
  });

  it('brings the last login and the last upload into the status', async () => {
    const receivedAt = new Date('2026-01-02T03:04:05Z');
    await cluster.apply(organization('busy'));
    const pair = await cluster.pair('busy-pos');
    await cluster.untilReady('org', 'busy');
    await cluster.logsIn(pair);
    await query(
      `INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source, instance_id, object_key, status, received_at)
       VALUES ($1, 'busy', $2, 'orgShifts', 'x.csv', 'csv', 'sftp', $1, 'x', 'PENDING', $3)`,
      newUploadId(),
      pair.clientId,
      receivedAt,
    );
    await cluster.until('org', 'busy', (each) => (each as Organization).status?.lastUploadTime !== undefined);
    assert.equal(
      ((await cluster.get('org', 'busy')) as Organization).status?.lastUploadTime,
      '2026-01-02T03:04:05Z',
    );
    await cluster.until(
      'org',
      'busy',
      (each) => (each as Organization).status?.credentials?.[0]?.lastUsedAt !== undefined,
    );
  });
});

function never(): never {
  throw new Error('A pair is missing.');
}
