import assert from 'node:assert/strict';
import type { Organization } from '../../src/operator/kinds.ts';
import { until } from '../support/until.ts';
import { type Cluster, condition, enablement, newCluster, organization, type Tenant } from './fixture.ts';

const credentialsOf = (found: Tenant) => (found as Organization).status?.credentials ?? [];

describe('An Organization', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  before(async function () {
    this.timeout(1_800_000);
    cluster = await newCluster('organizations');
    await cluster.startOperator();
  });
  after(() => cluster.close());

  it('gets a credential in a Secret that goes with it, and says so in its status', async () => {
    await cluster.apply(organization('blue-bistro', { displayName: 'Blue Bistro' }));
    const found = await cluster.untilReady('org', 'blue-bistro');
    const pair = await cluster.pair('blue-bistro-pos');
    assert.match(pair.clientId, /^piing_[0-9a-f]{24}$/);
    assert.match(pair.clientSecret, /^piing_sk_[0-9A-Za-z]{49}$/);
    assert.equal(await cluster.logsIn(pair), true);
    assert.deepEqual(
      credentialsOf(found).map(({ createdAt, ...rest }) => rest),
      [{ name: 'pos', clientId: pair.clientId, state: 'Active', secretName: 'blue-bistro-pos' }],
    );
    assert.equal(condition(found, 'CredentialsDelivered')?.reason, 'WaitingForPickup');
    assert.equal(condition(found, 'Suspended')?.status, 'False');
    const secret = await cluster.secret('blue-bistro-pos');
    assert.deepEqual(
      secret?.metadata.ownerReferences?.map(({ kind, name, uid }) => [kind, name, uid]),
      [['Organization', 'blue-bistro', found.metadata.uid]],
    );
    assert.deepEqual(found.metadata.finalizers, ['piing.ai/tenancy']);
  });

  it('has its Secret deleted when that is annotated as delivered, and the credential works on', async () => {
    await cluster.apply(organization('picked-up'));
    const pair = await cluster.pair('picked-up-pos');
    await cluster.kubectl('annotate', 'secret', 'picked-up-pos', 'piing.ai/delivered=true');
    const found = await cluster.until(
      'org',
      'picked-up',
      (each) => condition(each, 'CredentialsDelivered')?.status === 'True',
    );
    assert.equal(await cluster.secret('picked-up-pos'), undefined);
    assert.equal(credentialsOf(found)[0]?.secretName, undefined);
    assert.equal(await cluster.logsIn(pair), true);
  });

  it('has its Secret deleted after deliveryTTL', async () => {
    await cluster.apply(organization('forgotten', { credentials: [{ name: 'pos', deliveryTTL: '2s' }] }));
    await cluster.pair('forgotten-pos');
    await until(async () => ((await cluster.secret('forgotten-pos')) === undefined ? true : undefined));
    await cluster.until(
      'org',
      'forgotten',
      (each) => condition(each, 'CredentialsDelivered')?.status === 'True',
    );
  });

  it('is issued a new secret of the same client id when rotation is raised, and both work during the overlap', async () => {
    await cluster.apply(organization('rotating'));
    const first = await cluster.pair('rotating-pos');
    await cluster.apply(organization('rotating', { credentials: [{ name: 'pos', rotation: 2 }] }));
    const second = await until(async () => {
      const pair = await cluster.pair('rotating-pos');
      return pair.clientSecret === first.clientSecret ? undefined : pair;
    });
    await cluster.untilReady('org', 'rotating');
    assert.equal(second.clientId, first.clientId);
    assert.deepEqual([await cluster.logsIn(first), await cluster.logsIn(second)], [true, true]);
    await cluster.apply(
      organization('rotating', { credentials: [{ name: 'pos', rotation: 3, rotationOverlap: '0s' }] }),
    );
    await until(async () => ((await cluster.logsIn(second)) ? undefined : true));
    assert.equal(await cluster.logsIn(first), false);
  });

  it('loses a credential that is revoked, and its Secret', async () => {
    await cluster.apply(organization('revoked', { credentials: [{ name: 'pos' }, { name: 'erp' }] }));
    const [pos, erp] = [await cluster.pair('revoked-pos'), await cluster.pair('revoked-erp')];
    await cluster.apply(
      organization('revoked', { credentials: [{ name: 'pos', revoked: true }, { name: 'erp' }] }),
    );
    const found = await cluster.untilReady('org', 'revoked');
    assert.deepEqual([await cluster.logsIn(pos), await cluster.logsIn(erp)], [false, true]);
    assert.deepEqual(
      credentialsOf(found).map(({ name, state }) => [name, state]),
      [
        ['erp', 'Active'],
        ['pos', 'Revoked'],
      ],
    );
    assert.equal(await cluster.secret('revoked-pos'), undefined);
  });

  it('shows a credential that expires', async () => {
    const expiresAt = new Date(Date.now() + 2_000).toISOString();
    await cluster.apply(organization('expiring', { credentials: [{ name: 'pos', expiresAt }] }));
    await cluster.until('org', 'expiring', (each) => credentialsOf(each)[0]?.state === 'Expired');
  });

  it('refuses all logins while it is suspended', async () => {
    await cluster.apply(organization('suspended'));
    const pair = await cluster.pair('suspended-pos');
    await cluster.kubectl('patch', 'org', 'suspended', '--type=merge', '-p', '{"spec":{"suspended":true}}');
    const found = await cluster.until(
      'org',
      'suspended',
      (each) => condition(each, 'Suspended')?.status === 'True',
    );
    assert.equal(condition(found, 'Ready')?.status, 'True');
    assert.equal(await cluster.logsIn(pair), false);
    await cluster.kubectl('patch', 'org', 'suspended', '--type=merge', '-p', '{"spec":{"suspended":false}}');
    await cluster.until('org', 'suspended', (each) => condition(each, 'Suspended')?.status === 'False');
    assert.equal(await cluster.logsIn(pair), true);
  });

  it('brings a secret of its own, and its changes overlap as rotations do', async () => {
    const own = (fill: string) => fill.repeat(40);
    const clientId = `piing_${'ab'.repeat(12)}`;
    await cluster.apply(
      organization('own', { credentials: [{ name: 'pos', secretRef: { name: 'own-pair' } }] }),
    );
    const waiting = await cluster.untilReady('org', 'own', 'Incomplete');
    assert.match(
      condition(waiting, 'Ready')?.message ?? '',
      /There is no Secret own-pair in namespace .*Create it with the label piing\.ai\/organization=own,/,
    );
    assert.equal(credentialsOf(waiting)[0]?.state, 'Waiting');
    const create = (fill: string) =>
      cluster.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'own-pair', labels: { 'piing.ai/organization': 'own' } },
        stringData: { client_id: clientId, client_secret: own(fill) },
      });
    await create('a');
    const found = await cluster.untilReady('org', 'own');
    assert.equal(credentialsOf(found)[0]?.clientId, clientId);
    assert.equal(await cluster.logsIn({ clientId, clientSecret: own('a') }), true);
    await create('b');
    await until(async () => (await cluster.logsIn({ clientId, clientSecret: own('b') })) || undefined);
    assert.equal(await cluster.logsIn({ clientId, clientSecret: own('a') }), true);
    assert.equal(await cluster.secret('own-pos'), undefined);
  });

  it('says which label a Secret of its own lacks, and notices its changes at once when it has it', async () => {
    const own = (fill: string) => fill.repeat(40);
    const change = (fill: string, labels: object = {}) =>
      cluster.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'unseen', labels },
        stringData: { client_secret: own(fill) },
      });
    await change('a');
    const credentials = [{ name: 'pos', secretRef: { name: 'unseen' } }];
    await cluster.apply(
      organization('first-user', { credentials }),
      organization('second-user', { credentials }),
    );
    const found = await cluster.untilReady('org', 'first-user');
    await cluster.untilReady('org', 'second-user');
    assert.match(
      condition(found, 'Ready')?.message ?? '',
      /Changes of Secret unseen are noticed only when everything is compared again\. With the label piing\.ai\/organization=first-user on it/,
    );
    await change('b', { 'piing.ai/organization': 'first-user' });
    for (const name of ['first-user', 'second-user']) {
      const told = await cluster.until(
        'org',
        name,
        (each) => condition(each, 'Ready')?.message === 'The gateway works as spec says.',
      );
      const clientId = credentialsOf(told)[0]?.clientId ?? '';
      assert.equal(await cluster.logsIn({ clientId, clientSecret: own('b') }), true);
    }
  });

  it('has its webhooks signed with a secret of the cluster', async () => {
    const webhooks = [{ name: 'erp', url: 'https://hooks.example.com/', secretRef: { name: 'hook' } }];
    await cluster.apply(organization('hooked', { webhooks }));
    const waiting = await cluster.untilReady('org', 'hooked', 'Incomplete');
    assert.match(
      condition(waiting, 'Ready')?.message ?? '',
      /spec\.webhooks\[0\]\.secretRef: Secret .*\/hook has no key secret/,
    );
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook', labels: { 'piing.ai/organization': 'hooked' } },
      stringData: { secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}` },
    });
    await cluster.untilReady('org', 'hooked');
  });

  it('does not take a secret that could be guessed', async () => {
    await cluster.kubectl('create', 'secret', 'generic', 'short', '--from-literal=client_secret=password');
    await cluster.apply(
      organization('guessable', { credentials: [{ name: 'pos', secretRef: { name: 'short' } }] }),
    );
    const found = await cluster.untilReady('org', 'guessable', 'Incomplete');
    assert.match(
      condition(found, 'Ready')?.message ?? '',
      /client_secret in Secret short has to be 32 to 256 random/,
    );
  });

  it('leaves a Secret of somebody else alone, and applies everything but that credential', async () => {
    await cluster.kubectl('create', 'secret', 'generic', 'taken-pos', '--from-literal=mine=1');
    await cluster.apply(organization('taken', { credentials: [{ name: 'pos' }, { name: 'erp' }] }));
    const found = await cluster.untilReady('org', 'taken', 'Incomplete');
    assert.match(condition(found, 'Ready')?.message ?? '', /Secret taken-pos, and there is one of that name/);
    assert.deepEqual(Object.keys((await cluster.secret('taken-pos'))?.data ?? {}), ['mine']);
    assert.equal(await cluster.logsIn(await cluster.pair('taken-erp')), true);
  });

  it('closes its doors and keeps its data when it is deleted, also with its enablements still there', async () => {
    await cluster.apply(organization('leaving'), enablement('leaving-shifts', 'leaving'));
    const pair = await cluster.pair('leaving-pos');
    await cluster.untilReady('se', 'leaving-shifts');
    await cluster.kubectl('delete', 'org', 'leaving', '--timeout=20s');
    assert.equal(await cluster.logsIn(pair), false);
    assert.equal(await cluster.secret('leaving-pos'), undefined);
    const left = await cluster.untilReady('se', 'leaving-shifts', 'OrganizationNotReady');
    assert.match(condition(left, 'Ready')?.message ?? '', /has no working Organization leaving/);
    const { rows } = await cluster.database.pool.query(
      "SELECT id FROM piing.organizations WHERE id = 'leaving'",
    );
    assert.equal(rows.length, 1);
    await cluster.apply(organization('leaving'));
    await cluster.untilReady('se', 'leaving-shifts');
    assert.equal(await cluster.logsIn(pair), true);
  });

  it('tells of an issued secret by an event, without the secret', async () => {
    const events = await until(async () => {
      const list = JSON.parse(await cluster.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
      const found = list.items.filter(
        (each: { regarding: { name: string } }) => each.regarding.name === 'blue-bistro',
      );
      return found.length > 0 ? found : undefined;
    });
    assert.equal(events[0].reason, 'CredentialIssued');
    assert.equal(events[0].reportingController, 'piing.ai/piing-operator');
    assert.doesNotMatch(JSON.stringify(events), /piing_sk_/);
  });
});
