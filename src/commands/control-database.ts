import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPool, type Pool } from '../database/pool.ts';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { roleLogger } from './world.ts';

/** Runs an administrator's command with a few connections to the control database. */
export async function withControl(
  settings: Settings,
  work: (pool: Pool, url: string) => Promise<void>,
): Promise<void> {
  const url = await controlUrl(settings);
  await withPool(settings, url, (pool) => work(pool, url));
}

/** As {@link withControl}, with the analytics database besides. */
export async function withBothDatabases(
  settings: Settings,
  work: (control: Pool, analytics: Pool) => Promise<void>,
): Promise<void> {
  await withControl(settings, (control, url) =>
    withPool(settings, settings.ANALYTICS_DATABASE_URL ?? url, (analytics) => work(control, analytics)),
  );
}

async function withPool(settings: Settings, url: string, work: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = createPool({
    url,
    applicationName: 'piing-admin',
    max: 4,
    statementTimeoutMs: 30_000,
    logger: roleLogger(settings, 'admin'),
  });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

/**
 * What `openWorld` needs for a command of an administrator: the databases and the store of the environment, else those
 * of the standalone gateway that runs here.
 */
export async function administratorSettings(settings: Settings): Promise<Settings> {
  const own = settings.DATABASE_URL === undefined;
  return {
    ...settings,
    DATABASE_URL: await controlUrl(settings),
    PIING_RAW_STORE: settings.PIING_RAW_STORE ?? (own ? join(settings.PIING_DATA_DIR, 'raw') : undefined),
  };
}

/** DATABASE_URL, else the database of the standalone gateway that runs in PIING_DATA_DIR. */
async function controlUrl(settings: Settings): Promise<string> {
  if (settings.DATABASE_URL) return settings.DATABASE_URL;
  const file = join(settings.PIING_DATA_DIR, 'endpoints.json');
  try {
    const { database } = JSON.parse(await readFile(file, 'utf8')) as { database: { url: string } };
    return database.url;
  } catch (error) {
    throw new StartupError(`DATABASE_URL is not set, and no standalone gateway runs here (${file}).`, {
      cause: error,
    });
  }
}
