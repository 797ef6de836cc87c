import assert from 'node:assert/strict';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { applyEnablement, removeEnablement } from '../../src/tenancy/apply-enablement.ts';
import { applyOrganization, removeOrganization } from '../../src/tenancy/apply-organization.ts';
import { OutdatedError, type WriteContext } from '../../src/tenancy/write-context.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { Deliveries, enablement, organization } from './fixture.ts';

const of = (uid: string, generation: number, evenIfOlder = false): WriteContext => ({
  revision: { uid, generation },
  evenIfOlder,
});

describe('An Organization that is applied by its generation', () => {
  let db: TestDatabase;
  const { deliver } = new Deliveries();
  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());

  const apply = (name: string, displayName: string, context?: WriteContext) =>
    applyOrganization(db.pool, organization(name, { displayName }), deliver, context);
  const find = async (name: string) =>
    (
      await db.pool.query(
        'SELECT display_name, deleted_at IS NULL AS open FROM piing.organizations WHERE id = $1',
        [name],
      )
    ).rows[0];

  it('does not go back to an earlier one, whichever comes last', async () => {
    await apply('forward', 'second', of('a', 2));
    await assert.rejects(apply('forward', 'first', of('a', 1)), OutdatedError);
    assert.equal((await find('forward')).display_name, 'second');
    assert.deepEqual(await apply('forward', 'third', of('a', 3)), { changed: true });
  });

  it('does not go back to what a later one has left as it is', async () => {
    await apply('undone', 'as before', of('a', 1));
    // Generation 2 was never seen, and 3 says what 1 had said.
    await apply('undone', 'as before', of('a', 3));
    await assert.rejects(apply('undone', 'never', of('a', 2)), OutdatedError);
    assert.deepEqual(await apply('undone', 'as before', of('a', 3)), { changed: false });
  });

  it('begins anew when it was deleted and made again, in whichever generation', async () => {
    await apply('again', 'old', of('a', 7));
    await removeOrganization(db.pool, 'default', 'again', of('a', 8));
    await apply('again', 'new', of('b', 1));
    assert.deepEqual(await find('again'), { display_name: 'new', open: true });
  });

  it('is not opened by what was seen before it was deleted', async () => {
    await apply('closed', 'x', of('a', 7));
    await removeOrganization(db.pool, 'default', 'closed', of('a', 8));
    await assert.rejects(apply('closed', 'x', of('a', 7)), OutdatedError);
    assert.equal((await find('closed')).open, false);
  });

  it('is not closed, nor its folders, by the deletion of the one before it', async () => {
    const catalogue = await loadCatalogue('config/schemas');
    await apply('successor', 'old', of('a', 7));
    await apply('successor', 'new', of('b', 1));
    await applyEnablement(db.pool, catalogue, enablement('successor-shifts', 'successor', 'orgShifts'));
    assert.deepEqual(await removeOrganization(db.pool, 'default', 'successor', of('a', 8)), {
      changed: false,
    });
    assert.equal((await find('successor')).open, true);
    const { rowCount } = await db.pool.query(
      "SELECT FROM piing.schema_enablements WHERE organization_id = 'successor'",
    );
    assert.equal(rowCount, 1);
  });

  it('takes a manifest from a file, which has no generation, and a resource after that', async () => {
    await apply('mixed', 'resource', of('a', 7));
    await apply('mixed', 'file');
    assert.equal((await find('mixed')).display_name, 'file');
    assert.deepEqual(await apply('mixed', 'file'), { changed: false });
    await apply('mixed', 'resource', of('a', 6));
    assert.equal((await find('mixed')).display_name, 'resource');
  });

  it('catches up with a database that was restored from a backup', async () => {
    await apply('restored', 'then', of('a', 2));
    await apply('restored', 'now', of('a', 5));
    await db.pool.query(
      "UPDATE piing.organizations SET display_name = 'then', resource_generation = 2 WHERE id = 'restored'",
    );
    assert.deepEqual(await apply('restored', 'now', of('a', 5)), { changed: true });
  });

  it('goes back when it is said that the cluster itself did', async () => {
    await apply('rolled-back', 'now', of('a', 5));
    await apply('rolled-back', 'then', of('a', 2, true));
    assert.equal((await find('rolled-back')).display_name, 'then');
    await apply('rolled-back', 'next', of('a', 3));
    assert.equal((await find('rolled-back')).display_name, 'next');
  });
});

describe('A SchemaEnablement that is applied by its generation', () => {
  let db: TestDatabase;
  let apply: (timeZone: string, context?: WriteContext) => ReturnType<typeof applyEnablement>;
  before(async () => {
    db = await migratedDatabase();
    const catalogue = await loadCatalogue('config/schemas');
    await applyOrganization(db.pool, organization('blue'), new Deliveries().deliver);
    apply = (timeZone, context) =>
      applyEnablement(db.pool, catalogue, enablement('shifts', 'blue', 'orgShifts', { timeZone }), context);
  });
  after(() => db.close());

  const timeZone = async () =>
    (await db.pool.query('SELECT transformer FROM piing.schema_enablements')).rows[0]?.transformer.timeZone;

  it('does not go back to an earlier one, unless the cluster itself did', async () => {
    await apply('Asia/Tokyo', of('a', 2));
    await assert.rejects(apply('Europe/Paris', of('a', 1)), OutdatedError);
    assert.equal(await timeZone(), 'Asia/Tokyo');
    await apply('Europe/Paris', of('a', 1, true));
    assert.equal(await timeZone(), 'Europe/Paris');
  });

  it('begins anew when it was made again, and is not closed by the deletion of the one before it', async () => {
    await apply('America/New_York', of('b', 1));
    assert.deepEqual(await removeEnablement(db.pool, 'default', 'shifts', of('a', 9)), { changed: false });
    assert.equal(await timeZone(), 'America/New_York');
    await apply('Asia/Tokyo');
    assert.equal(await timeZone(), 'Asia/Tokyo');
    assert.deepEqual(await removeEnablement(db.pool, 'default', 'shifts', of('c', 1)), { changed: true });
  });
});
