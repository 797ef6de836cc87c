import assert from 'node:assert/strict';
import { applyOrganization, removeOrganization } from '../../src/tenancy/apply-organization.ts';
import type { OrganizationManifest } from '../../src/tenancy/resources.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { credential, Deliveries, listenToTenancy, organization } from './fixture.ts';

describe('applyOrganization', () => {
  let db: TestDatabase;
  let tenancy: Awaited<ReturnType<typeof listenToTenancy>>;
  const deliveries = new Deliveries();
  const apply = (manifest: OrganizationManifest, deliver = deliveries.deliver) =>
    applyOrganization(db.pool, manifest, deliver);
  const find = async (id: string) =>
    (await db.pool.query('SELECT * FROM piing.organizations WHERE id = $1', [id])).rows[0];

  before(async () => {
    db = await migratedDatabase();
    tenancy = await listenToTenancy(db.url);
  });
  after(async () => {
    await tenancy.close();
    await db.close();
  });

  it('writes what the manifest says, source ranges exactly as given', async () => {
    const manifest = organization('blue-bistro', {
      displayName: 'Blue Bistro',
      suspended: true,
      allowedSourceRanges: ['203.0.113.9/24', '2001:DB8::/32'],
      limits: { maxFileBytes: 1_099_511_627_776 },
    });
    assert.deepEqual(await apply(manifest), { changed: true });
    const { created_at, ...row } = await find('blue-bistro');
    assert.ok(created_at instanceof Date);
    assert.deepEqual(row, {
      id: 'blue-bistro',
      namespace: 'default',
      display_name: 'Blue Bistro',
      suspended: true,
      allowed_source_ranges: ['203.0.113.9/24', '2001:DB8::/32'],
      max_file_bytes: 1_099_511_627_776,
      deleted_at: null,
      resource_uid: null,
      resource_generation: null,
    });
  });

  it('takes back what the manifest says no more', async () => {
    await apply(organization('plain', { displayName: 'Plain', limits: { maxFileBytes: 1 } }));
    assert.deepEqual(await apply(organization('plain')), { changed: true });
    const row = await find('plain');
    assert.deepEqual([row.display_name, row.max_file_bytes], [null, null]);
  });

  it('tells open sessions of a change', async () => {
    await apply(organization('told'));
    await tenancy.heard();
    await apply(organization('told', { suspended: true }));
    assert.deepEqual(await tenancy.heard(), ['told']);
  });

  it('changes nothing, delivers nothing and notifies nobody when all is as the manifest says', async () => {
    const manifest = organization('steady', {
      displayName: 'Steady',
      credentials: [
        credential('pos', { rotation: 3, expiresAt: '2099-01-01T00:00:00.123Z' }),
        credential('old', { revoked: true }),
      ],
      allowedSourceRanges: ['10.0.0.0/8'],
    });
    await apply(manifest);
    await tenancy.heard();
    const delivered = deliveries.count;
    assert.deepEqual(await apply(manifest), { changed: false });
    assert.deepEqual(await apply(manifest), { changed: false });
    assert.deepEqual(await tenancy.heard(), []);
    assert.equal(deliveries.count, delivered);
  });

  it('leaves a name to the namespace that used it first', async () => {
    await apply(organization('wanted', { displayName: 'First' }));
    const before = await find('wanted');
    await tenancy.heard();
    const second = organization(
      'wanted',
      { displayName: 'Second', credentials: [credential('erp')] },
      'other',
    );
    assert.deepEqual(await apply(second), {
      conflict:
        'The name wanted belongs to namespace default: the organization is in use there. Choose another name.',
    });
    assert.deepEqual(await find('wanted'), before);
    assert.deepEqual(deliveries.of('wanted/erp'), []);
    assert.deepEqual(await tenancy.heard(), []);
  });

  it('keeps the name of a deleted organization, whose data is still there, from other namespaces', async () => {
    await apply(organization('gone'));
    await removeOrganization(db.pool, 'default', 'gone');
    assert.match(JSON.stringify(await apply(organization('gone', {}, 'other'))), /was deleted there/);
    assert.ok((await find('gone')).deleted_at);
  });

  it('gives the name to one of two namespaces that ask at the same time', async () => {
    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map((namespace) => apply(organization('raced', {}, namespace))),
    );
    assert.equal(results.filter((result) => 'changed' in result).length, 1);
    assert.equal(deliveries.of('raced/pos').length, 1);
  });

  it('issues a credential once when the same manifest is applied twice at the same time', async () => {
    const manifest = organization('twice');
    const results = await Promise.all([apply(manifest), apply(manifest), apply(manifest)]);
    assert.equal(results.filter((result) => 'changed' in result && result.changed).length, 1);
    assert.equal(deliveries.of('twice/pos').length, 1);
  });

  it('opens a deleted organization that is created again, with the same credentials', async () => {
    await apply(organization('back'));
    await removeOrganization(db.pool, 'default', 'back');
    assert.deepEqual(await apply(organization('back')), { changed: true });
    assert.equal((await find('back')).deleted_at, null);
    assert.equal(deliveries.of('back/pos').length, 1);
  });

  it('changes nothing when a secret cannot be delivered', async () => {
    const failing = async () => {
      throw new Error('disk full');
    };
    await assert.rejects(apply(organization('undelivered'), failing), /disk full/);
    assert.equal(await find('undelivered'), undefined);
    assert.deepEqual(await apply(organization('undelivered')), { changed: true });
  });
});

describe('removeOrganization', () => {
  let db: TestDatabase;
  const { deliver } = new Deliveries();

  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());

  it('closes the doors once, and keeps the organization and its credentials', async () => {
    await applyOrganization(db.pool, organization('closing'), deliver);
    assert.deepEqual(await removeOrganization(db.pool, 'default', 'closing'), { changed: true });
    assert.deepEqual(await removeOrganization(db.pool, 'default', 'closing'), { changed: false });
    const { rows } = await db.pool.query(
      'SELECT o.deleted_at, c.revoked_at FROM piing.organizations o JOIN piing.credentials c ON c.organization_id = o.id',
    );
    assert.equal(rows.length, 1);
    assert.ok(rows[0]?.deleted_at instanceof Date);
    assert.equal(rows[0]?.revoked_at, null);
  });

  it('does nothing for a namesake in another namespace that never owned the name', async () => {
    await applyOrganization(db.pool, organization('mine'), deliver);
    assert.deepEqual(await removeOrganization(db.pool, 'other', 'mine'), { changed: false });
    assert.deepEqual(await removeOrganization(db.pool, 'default', 'never-there'), { changed: false });
  });
});
