import Table from 'cli-table3';
import { retentionLimits } from '../retention/limits.ts';
import { countExpired, type Removed, runRetention } from '../retention/retention.ts';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { administratorSettings } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { PLAIN_TABLE } from './uploads-tables.ts';
import { openWorld } from './world.ts';

/** `piing retention run`: what a worker does each night, now. */
export async function retentionCommand(
  settings: Settings,
  options: { readonly dryRun?: boolean; readonly json?: boolean },
): Promise<void> {
  const limits = retentionLimits(settings);
  const world = await openWorld(await administratorSettings(settings), 'admin');
  try {
    const removed = options.dryRun
      ? await countExpired({ ...world, limits })
      : await runRetention({ ...world, limits });
    if (!removed) throw new StartupError('Another process runs retention now. Nothing was done.');
    print(
      options.json ? toJson(removed) : removedTable(removed, options.dryRun ? 'WOULD BE REMOVED' : 'REMOVED'),
    );
  } finally {
    await world.close();
  }
}

function removedTable(removed: Removed, head: string): string {
  const table = new Table({ ...PLAIN_TABLE, head: ['KIND', head] });
  const rows = Object.entries(removed).filter(([, count]) => count > 0);
  if (rows.length === 0) return 'Nothing is over its time.';
  for (const [kind, count] of rows) table.push([kind, count]);
  return table.toString();
}
