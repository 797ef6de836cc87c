import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { Organization, SchemaEnablement } from '../../src/operator/kinds.ts';
import { type Cluster, condition, enablement, newCluster, organization } from './fixture.ts';

describe('A SchemaEnablement', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  const registry = new Registry();
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('enablements');
    await cluster.startOperator({ registry });
  });
  after(() => cluster.close());

  const enabled = async (organizationId: string) => {
    const { rows } = await cluster.database.pool.query(
      'SELECT schema_type, name, transformer FROM piing.schema_enablements WHERE organization_id = $1 ORDER BY 1',
      [organizationId],
    );
    return rows;
  };

  it('opens a folder, says where, and is listed by its organization', async () => {
    await cluster.apply(
      organization('blue-bistro'),
      enablement('blue-shifts', 'blue-bistro', 'orgShifts', { transformer: { timeZone: 'Europe/Paris' } }),
    );
    const found = (await cluster.untilReady('se', 'blue-shifts')) as SchemaEnablement;
    assert.equal(found.status?.folder, '/orgShifts');
    const [row] = await enabled('blue-bistro');
    assert.deepEqual([row.schema_type, row.transformer.timeZone], ['orgShifts', 'Europe/Paris']);
    await cluster.until('org', 'blue-bistro', (each) =>
      ((each as Organization).status?.schemaTypes ?? []).includes('orgShifts'),
    );
  });

  it('waits for an organization that comes later', async () => {
    await cluster.apply(enablement('early-shifts', 'early'));
    const waiting = await cluster.untilReady('se', 'early-shifts', 'OrganizationNotReady');
    assert.match(
      condition(waiting, 'Ready')?.message ?? '',
      /has no working Organization early\. Create it there/,
    );
    assert.equal((waiting as SchemaEnablement).status?.folder, undefined);
    await cluster.apply(organization('early'));
    await cluster.untilReady('se', 'early-shifts');
  });

  it('never says that it waits when it comes together with its organization', async () => {
    const names = ['a', 'b', 'c'].map((letter) => `together-${letter}`);
    await cluster.apply(
      ...names.map((name) => enablement(name, name)),
      ...names.map((name) => organization(name)),
    );
    for (const name of names) await cluster.untilReady('se', name);
    const list = JSON.parse(await cluster.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
    const complaints = list.items.filter(
      (each: { regarding: { name: string }; type: string }) =>
        names.includes(each.regarding.name) && each.type === 'Warning',
    );
    assert.deepEqual(complaints, []);
  });

  it('names what is wrong in its transformer by its path, and is taken when that is corrected', async () => {
    const columns = [{ name: 'no_such_column', header: 'X' }];
    await cluster.apply(
      organization('wrong'),
      enablement('wrong-shifts', 'wrong', 'orgShifts', { transformer: { columns, timeZone: 'Mars/Base' } }),
    );
    const found = await cluster.untilReady('se', 'wrong-shifts', 'Invalid');
    const { message = '' } = condition(found, 'Ready') ?? {};
    assert.match(message, /spec\.transformer\.columns\[0\]\.name: orgShifts has no column no_such_column/);
    assert.match(message, /spec\.transformer\.timeZone: Mars\/Base is not an IANA time zone/);
    assert.deepEqual(await enabled('wrong'), []);
    // It is not tried again: only who wrote it can mend it.
    const metrics = await registry.metrics();
    assert.match(
      metrics,
      /^controller_runtime_terminal_reconcile_errors_total\{controller="schemaenablement"\} [1-9]/m,
    );
    assert.match(metrics, /^workqueue_retries_total\{name="schemaenablement"\} 0$/m);
    await cluster.apply(enablement('wrong-shifts', 'wrong', 'orgShifts', { transformer: {} }));
    await cluster.untilReady('se', 'wrong-shifts');
  });

  it('says which schema types there are when it names another', async () => {
    await cluster.apply(enablement('unknown-type', 'blue-bistro', 'orgNothing'));
    const found = await cluster.untilReady('se', 'unknown-type', 'Invalid');
    assert.match(
      condition(found, 'Ready')?.message ?? '',
      /There is no schema type orgNothing\. Known: .*orgShifts/,
    );
  });

  it('is refused beside another one of the same type, and takes its place when that goes', async () => {
    await cluster.apply(organization('twice'), enablement('first', 'twice'));
    await cluster.untilReady('se', 'first');
    await cluster.apply(enablement('second', 'twice'));
    const found = await cluster.untilReady('se', 'second', 'Conflict');
    assert.match(
      condition(found, 'Ready')?.message ?? '',
      /SchemaEnablement first already enables orgShifts for twice/,
    );
    assert.equal((await enabled('twice'))[0].name, 'first');
    await cluster.kubectl('delete', 'se', 'first', '--timeout=20s');
    await cluster.untilReady('se', 'second');
    assert.equal((await enabled('twice'))[0].name, 'second');
  });

  it('takes its folder away when it is deleted', async () => {
    await cluster.apply(organization('less'), enablement('less-shifts', 'less'));
    await cluster.untilReady('se', 'less-shifts');
    await cluster.kubectl('delete', 'se', 'less-shifts', '--timeout=20s');
    assert.deepEqual(await enabled('less'), []);
    await cluster.until('org', 'less', (each) => (each as Organization).status?.schemaTypes === undefined);
  });
});
