import { applyMigrations, readMigrations, withMigrationLock } from '../database/migrate.ts';
import { applyTables } from '../schemas/apply-tables.ts';
import type { Catalogue } from '../schemas/catalogue.ts';

export interface MigrateOptions {
  readonly databaseUrl: string;
  readonly analyticsDatabaseUrl: string;
  readonly catalogue: Catalogue;
}

/**
 * Brings both databases to what this version needs: control tables, queue, ledger, one table a schema type.
 * Safe to run again and from several processes at once: they take turns. Returns what it did, in order.
 */
export async function migrateAll(options: MigrateOptions): Promise<string[]> {
  const control = await withMigrationLock(options.databaseUrl, async (client) =>
    applyMigrations(client, await readMigrations('control')),
  );
  const analytics = await withMigrationLock(options.analyticsDatabaseUrl, async (client) => {
    const applied = await applyMigrations(client, await readMigrations('analytics'));
    return [...applied, ...(await applyTables(client, options.catalogue))];
  });
  return [...control, ...analytics];
}
