import { setTimeout as pause } from 'node:timers/promises';
import { settle, startSenders } from './campaign.ts';
import { checkPromise, type Findings } from './checker.ts';
import type { SentFile } from './files.ts';
import { type Fleet, migrateBy, startFleet } from './fleet.ts';

export interface UpgradeOptions {
  readonly seed: number;
  /** The earlier version: a directory with its repository and its dependencies. */
  readonly from: string;
  /** How long files flow between two steps. */
  readonly seconds: number;
  readonly onProgress?: (line: string) => void;
}

export interface Upgrade {
  readonly fleet: Fleet;
  readonly sent: readonly SentFile[];
  readonly findings: Findings;
  /** Files that were not acknowledged at the second try either. */
  readonly refusedTwice: readonly SentFile[];
}

const START_MS = 60_000;
/** An orchestrator, too, lets some time pass between a member that is ready and the end of the next one. */
const BETWEEN_MEMBERS_MS = 3_000;

/**
 * Goes from an earlier version to this one, back and forth again, member by member, while files flow: first the tables,
 * then whoever uses them. Senders send again what was refused, once, at the other member of their door.
 */
export async function runUpgrade(options: UpgradeOptions): Promise<Upgrade> {
  const { seed, from, seconds, onProgress = () => undefined } = options;
  const here = process.cwd();
  const fleet = await startFleet({ directory: from, disks: false });
  const senders = startSenders(fleet, seed, true);
  const flow = async (what: string) => {
    onProgress(what);
    await pause(seconds * 1_000);
  };
  const roll = async (directory: string) => {
    for (const member of fleet.members) {
      await member.end('SIGTERM');
      member.directory = directory;
      await member.start(START_MS);
      await pause(BETWEEN_MEMBERS_MS);
    }
  };
  await flow('the earlier version on its own tables');
  await migrateBy(here, fleet.database.url);
  await flow('the earlier version on the tables of this one');
  await roll(here);
  await flow('this version');
  await roll(from);
  await flow('back to the earlier version');
  await roll(here);
  await flow('this version again');
  await senders.stop();
  onProgress('settling');
  await settle(fleet, { onProgress });
  const sent = senders.sent();
  return {
    fleet,
    sent,
    findings: await checkPromise({ pool: fleet.pool, objects: fleet.store.objects }, sent),
    refusedTwice: sent.filter(({ attempt, told }) => attempt === 2 && told !== 'acknowledged'),
  };
}
