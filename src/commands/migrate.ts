import { loadCatalogue } from '../schemas/catalogue.ts';
import type { Settings } from '../settings.ts';
import { migrateAll } from './migrate-all.ts';
import { requireDatabaseUrl } from './world.ts';

/** `piing migrate`: prints a line for each change, or that there was none. */
export async function runMigrate(settings: Settings): Promise<void> {
  const databaseUrl = requireDatabaseUrl(settings);
  const done = await migrateAll({
    databaseUrl,
    analyticsDatabaseUrl: settings.ANALYTICS_DATABASE_URL ?? databaseUrl,
    catalogue: await loadCatalogue(settings.PIING_SCHEMAS_DIR),
  });
  process.stdout.write(
    done.length === 0 ? 'Nothing to do: both databases are up to date.\n' : `${done.join('\n')}\n`,
  );
}
