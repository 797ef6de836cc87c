import { pendingMigrations, readMigrations, withReadOnly } from '../database/migrate.ts';
import { planTables } from '../schemas/apply-tables.ts';
import { loadCatalogue } from '../schemas/catalogue.ts';
import type { Settings } from '../settings.ts';
import { type MigrateOptions, migrateAll } from './migrate-all.ts';
import { requireDatabaseUrl } from './world.ts';

/** `piing migrate`: prints a line for each change, or that there was none. With `--dry-run` it only says what it would do. */
export async function runMigrate(settings: Settings, options: { readonly dryRun?: boolean }): Promise<void> {
  const databaseUrl = requireDatabaseUrl(settings);
  const work: MigrateOptions = {
    databaseUrl,
    analyticsDatabaseUrl: settings.ANALYTICS_DATABASE_URL ?? databaseUrl,
    catalogue: await loadCatalogue(settings.PIING_SCHEMAS_DIR),
  };
  const lines = options.dryRun ? await planAll(work) : await migrateAll(work);
  const heading = options.dryRun && lines.length > 0 ? 'piing migrate would, in this order:\n' : '';
  process.stdout.write(
    lines.length === 0
      ? 'Nothing to do: both databases are up to date.\n'
      : `${heading}${lines.join('\n')}\n`,
  );
}

/** What {@link migrateAll} would do, found out in transactions that cannot write. */
async function planAll(options: MigrateOptions): Promise<string[]> {
  const apply = (names: readonly { readonly name: string }[]) => names.map(({ name }) => `apply ${name}`);
  const control = await withReadOnly(options.databaseUrl, async (client) =>
    apply(await pendingMigrations(client, await readMigrations('control'))),
  );
  const analytics = await withReadOnly(options.analyticsDatabaseUrl, async (client) => {
    const tables = await planTables(client, options.catalogue);
    return [
      ...apply(await pendingMigrations(client, await readMigrations('analytics'))),
      ...tables.map(({ description }) => description),
    ];
  });
  return [...control, ...analytics];
}
