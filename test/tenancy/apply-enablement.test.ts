import assert from 'node:assert/strict';
import { type Catalogue, loadCatalogue } from '../../src/schemas/catalogue.ts';
import { applyEnablement, removeEnablement } from '../../src/tenancy/apply-enablement.ts';
import { applyOrganization, removeOrganization } from '../../src/tenancy/apply-organization.ts';
import type { SchemaEnablementManifest } from '../../src/tenancy/resources.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { Deliveries, enablement, listenToTenancy, organization } from './fixture.ts';

describe('applyEnablement', () => {
  let db: TestDatabase;
  let catalogue: Catalogue;
  let org: string;
  let count = 0;
  const { deliver } = new Deliveries();
  const apply = (manifest: SchemaEnablementManifest) => applyEnablement(db.pool, catalogue, manifest);
  /** `name schemaType` of what the organization has enabled. */
  const enabled = async (organizationId = org) => {
    const text = 'SELECT * FROM piing.schema_enablements WHERE organization_id = $1 ORDER BY name';
    return (await db.pool.query(text, [organizationId])).rows.map((row) => `${row.name} ${row.schema_type}`);
  };

  before(async () => {
    db = await migratedDatabase();
    catalogue = await loadCatalogue('config/schemas');
  });
  after(() => db.close());
  beforeEach(async () => {
    org = `org-${++count}`;
    await applyOrganization(db.pool, organization(org), deliver);
  });

  it('enables a schema type with its transformer', async () => {
    const columns = [{ name: 'amount', header: 'Betrag' }];
    const manifest = enablement(`${org}-a`, org, 'generic_transactions', { columns, decimalSeparator: ',' });
    assert.deepEqual(await apply(manifest), { changed: true });
    const text = 'SELECT transformer FROM piing.schema_enablements WHERE organization_id = $1';
    const { rows } = await db.pool.query(text, [org]);
    assert.deepEqual(rows, [{ transformer: manifest.spec.transformer }]);
  });

  it('changes the transformer, and tells open sessions', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    const tenancy = await listenToTenancy(db.url);
    assert.deepEqual(await apply(enablement(`${org}-a`, org, 'orgShifts', { onRowError: 'fail' })), {
      changed: true,
    });
    assert.deepEqual(await tenancy.heard(), [org]);
    await tenancy.close();
  });

  it('changes nothing and notifies nobody when all is as the manifest says', async () => {
    const manifest = enablement(`${org}-a`, org, 'orgShifts', { timeZone: 'Asia/Tokyo' });
    await apply(manifest);
    const tenancy = await listenToTenancy(db.url);
    assert.deepEqual(await apply(manifest), { changed: false });
    assert.deepEqual(await tenancy.heard(), []);
    await tenancy.close();
  });

  it('names the schema types that there are when it is asked for another', async () => {
    assert.deepEqual(await apply(enablement(`${org}-a`, org, 'orgSales')), {
      invalid: [
        'spec.schemaType: There is no schema type orgSales. Known: generic_transactions, orgShifts, orgTransactionDetail, orgTransactions.',
      ],
    });
    assert.deepEqual(await enabled(), []);
  });

  it('says where a transformer does not fit its schema type, and leaves the one before in effect', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    const columns = [{ name: 'colour', header: 'Colour' }];
    const result = await apply(enablement(`${org}-a`, org, 'orgShifts', { columns, timeZone: 'Mars/Base' }));
    assert.ok('invalid' in result);
    assert.match(result.invalid[0] ?? '', /^spec\.transformer\.columns\[0\]\.name: .*colour/);
    assert.match(result.invalid[1] ?? '', /^spec\.transformer\.timeZone: Mars\/Base/);
    assert.deepEqual(await enabled(), [`${org}-a orgShifts`]);
  });

  it('waits for an organization that is not there, is deleted or is in another namespace', async () => {
    const waiting = {
      waiting:
        'Namespace default has no working Organization nobody. Create it there, or correct spec.organizationRef.name.',
    };
    assert.deepEqual(await apply(enablement('nobody-a', 'nobody', 'orgShifts')), waiting);
    assert.ok('waiting' in (await apply(enablement(`${org}-a`, org, 'orgShifts', {}, 'other'))));
    await removeOrganization(db.pool, 'default', org);
    assert.ok('waiting' in (await apply(enablement(`${org}-a`, org, 'orgShifts'))));
    assert.deepEqual(await enabled(), []);
  });

  it('leaves a schema type to the resource that enabled it first, until that is removed', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    const second = enablement(`${org}-b`, org, 'orgShifts', { onRowError: 'fail' });
    assert.deepEqual(await apply(second), {
      conflict: `SchemaEnablement ${org}-a already enables orgShifts for ${org}. Change that one, or delete one of the two.`,
    });
    assert.deepEqual(await enabled(), [`${org}-a orgShifts`]);
    await removeEnablement(db.pool, 'default', `${org}-a`);
    assert.deepEqual(await apply(second), { changed: true });
    assert.deepEqual(await enabled(), [`${org}-b orgShifts`]);
  });

  it('disables what a resource that was made anew under the same name enabled before', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    assert.deepEqual(await apply(enablement(`${org}-a`, org, 'orgTransactions')), { changed: true });
    assert.deepEqual(await enabled(), [`${org}-a orgTransactions`]);
    await apply(enablement(`${org}-a`, 'nobody', 'orgTransactions'));
    assert.deepEqual(await enabled(), []);
  });

  it('is undone by removeEnablement, for the resource that owns it only', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    assert.deepEqual(await removeEnablement(db.pool, 'other', `${org}-a`), { changed: false });
    assert.deepEqual(await removeEnablement(db.pool, 'default', `${org}-a`), { changed: true });
    assert.deepEqual(await removeEnablement(db.pool, 'default', `${org}-a`), { changed: false });
    assert.deepEqual(await enabled(), []);
  });

  it('is undone by removeOrganization, and not by that of a namesake elsewhere', async () => {
    await apply(enablement(`${org}-a`, org, 'orgShifts'));
    await removeOrganization(db.pool, 'other', org);
    assert.deepEqual(await enabled(), [`${org}-a orgShifts`]);
    await removeOrganization(db.pool, 'default', org);
    assert.deepEqual(await enabled(), []);
  });
});
