import assert from 'node:assert/strict';
import { migrateAll } from '../../src/commands/migrate-all.ts';
import {
  applyMigrations,
  expectMigrated,
  readMigrations,
  withMigrationLock,
} from '../../src/database/migrate.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';

describe('Migrations', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await emptyDatabase();
  });
  afterEach(() => database.close());

  const migrate = async () =>
    migrateAll({
      databaseUrl: database.url,
      analyticsDatabaseUrl: database.url,
      catalogue: await loadCatalogue('config/schemas'),
    });

  it('create everything once and then have nothing to do', async () => {
    const first = await migrate();
    assert.ok(
      first.includes('control/0001_tenancy.sql') &&
        first.some((line) => line.startsWith('create table org_transactions ')),
      first.join(),
    );
    assert.deepEqual(await migrate(), []);
  });

  it('run from several processes at once as if from one', async () => {
    const runs = await Promise.all([migrate(), migrate(), migrate()]);
    assert.equal(runs.filter((done) => done.length > 0).length >= 1, true);
    const all = runs.flat();
    assert.equal(new Set(all).size, all.length, 'nothing was done twice');
  });

  it('begin every key of the analytics tables with the organization, so that they can be distributed', async () => {
    await migrate();
    const keys = await database.pool.query<{ table: string; first: string }>(`
      SELECT c.relname AS table, a.attname AS first FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
       WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace`);
    assert.equal(keys.rows.length, 6);
    for (const { table, first } of keys.rows) assert.equal(first, 'organization_id', table);
  });

  it('are expected by whoever needs them, who says which one is missing and what to do', async () => {
    await assert.rejects(
      expectMigrated(database.pool, 'control'),
      /control database is older than this version: it lacks control\/0001_tenancy\.sql\. Run "piing migrate"/,
    );
    await migrate();
    await expectMigrated(database.pool, 'control');
    await expectMigrated(database.pool, 'analytics');
    await database.pool.query(
      `DELETE FROM piing.schema_migrations WHERE name LIKE '%0002_load_confirmations%'`,
    );
    await assert.rejects(
      expectMigrated(database.pool, 'analytics'),
      /lacks analytics\/0002_load_confirmations/,
    );
  });

  it('leave nothing of a file that fails, and say which it was', async () => {
    await withMigrationLock(database.url, async (client) => {
      const broken = [
        { name: 'control/0001_broken.sql', sql: 'CREATE TABLE piing.half (a int); SELECT nonsense' },
      ];
      await assert.rejects(applyMigrations(client, broken), /control\/0001_broken\.sql failed.*nonsense/);
      const found = await client.query(`SELECT to_regclass('piing.half') AS half`);
      assert.equal(found.rows[0].half, null);
    });
  });

  it('refuse to go on when an applied file has been changed', async () => {
    await migrate();
    const [first, ...rest] = await readMigrations('control');
    assert.ok(first);
    await withMigrationLock(database.url, async (client) => {
      const changed = [{ ...first, sql: `${first.sql}\n-- changed` }, ...rest];
      await assert.rejects(
        applyMigrations(client, changed),
        /0001_tenancy\.sql was changed after it had been applied/,
      );
    });
  });
});
