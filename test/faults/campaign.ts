import { setTimeout as pause } from 'node:timers/promises';
import { until, untilDone } from '../support/until.ts';
import { checkPromise, everythingEnded, type Findings } from './checker.ts';
import type { Fault } from './fault.ts';
import { faultsFor } from './faults.ts';
import { FileMaker, type SentFile } from './files.ts';
import { type Fleet, type FleetOptions, startFleet } from './fleet.ts';
import { seededRandom } from './random.ts';
import { type Recovery, Watch } from './recovery.ts';
import { Backlog, Sender } from './senders.ts';

export interface CampaignOptions extends FleetOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Goes on for longer, on a slow machine, until so many faults have struck; default 1. */
  readonly atLeast?: number;
  readonly onProgress?: (line: string) => void;
}

export interface Campaign {
  readonly fleet: Fleet;
  readonly sent: readonly SentFile[];
  readonly findings: Findings;
  /** Each fault that struck, and how the fleet came back from it each time. */
  readonly struck: ReadonlyMap<string, readonly Recovery[]>;
  /** Faults that cannot be had here. */
  readonly leftOut: readonly string[];
  /** Processes that ended without having been told to, and with what. */
  readonly deaths: readonly string[];
  /** The longest time without any acknowledgement, in seconds. */
  readonly longestStall: number;
  /** From the last fault's healing until everything that was received had ended, in seconds. */
  readonly settleSeconds: number;
}

const SENDERS = ['sftp', 'sftp', 'sftp', 'http', 'http'] as const;
const HEAL_MS = 60_000;
/** Sweeping waits 45 s for a dead process, retries of a job up to three minutes. */
const SETTLE_MS = 400_000;

export interface Senders {
  sent(): readonly SentFile[];
  /** Ends them after the files that are being sent. */
  stop(): Promise<void>;
}

export function startSenders(fleet: Fleet, seed: number, retries = false): Senders {
  const random = seededRandom(seed);
  const backlog = new Backlog(fleet);
  const senders = SENDERS.map((door, index) => {
    const maker = new FileMaker(random.fork(), index);
    const name = `${door}-${index}`;
    return new Sender({ fleet, maker, random: random.fork(), name, door, retries, backlog });
  });
  return {
    sent: () => senders.flatMap(({ sent }) => sent),
    stop: async () => {
      await Promise.all(senders.map((sender) => sender.stop()));
      backlog.stop();
    },
  };
}

/** Lets files flow while faults strike one after the other, sometimes two at once; then holds the world to its word. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const { seed, seconds, atLeast = 1, onProgress = () => undefined } = options;
  const fleet = await startFleet(options);
  const { possible, leftOut } = faultsFor(fleet);
  const senders = startSenders(fleet, seed);
  const watch = new Watch(senders.sent);
  const struck = new Map<string, Recovery[]>();
  const schedule = seededRandom(seed + 1);
  const end = Date.now() + seconds * 1_000;
  const strike = async (fault: Fault) => {
    const { heal, members } = await fault.strike(fleet, schedule);
    await pause(schedule.between(...fault.lasts));
    // Two faults at once: one may keep the other from being healed, until it is healed itself.
    await untilDone(heal, HEAL_MS, 500);
    const recovery = await watch.recovery(fleet, members);
    struck.set(fault.name, [...(struck.get(fault.name) ?? []), recovery]);
    onProgress(`  ${fault.name}: acknowledged after ${recovery.acknowledged.toFixed(1)} s`);
  };
  // Every kind once before any comes again.
  let left: Fault[] = [];
  while (Date.now() < end || struck.size < atLeast) {
    await pause(schedule.between(500, 3_000));
    const now = Array.from({ length: schedule.chance(0.2) ? 2 : 1 }, () => {
      if (left.length === 0) left = [...possible];
      return left.splice(schedule.between(0, left.length - 1), 1)[0] as Fault;
    });
    const seconds = Math.max(0, Math.round((end - Date.now()) / 1_000));
    onProgress(`${seconds} s left: ${now.map(({ name }) => name).join(' and ')}`);
    await Promise.all(now.map(strike));
  }
  await senders.stop();
  watch.stop();
  const deaths = fleet.members.flatMap(({ name, deaths }) => deaths.map((how) => `${name} with ${how}`));
  onProgress('settling');
  const settleSeconds = await settle(fleet, { onProgress });
  const sent = senders.sent();
  const world = { pool: fleet.pool, objects: fleet.store.objects };
  return {
    ...{ fleet, sent, struck, leftOut, deaths, settleSeconds, longestStall: watch.longestStall },
    findings: await checkPromise(world, sent),
  };
}

/** Waits until everything that was received has ended; how long that took, in seconds. */
export async function settle(
  { members, pool }: Fleet,
  options: { readonly patienceMs?: number; readonly onProgress?: (line: string) => void } = {},
): Promise<number> {
  for (const member of members) await member.start();
  const begun = performance.now();
  const ended = async () => {
    await pause(500);
    return everythingEnded(pool);
  };
  await until(ended, options.patienceMs ?? SETTLE_MS).catch(() =>
    options.onProgress?.('did not settle in time'),
  );
  return (performance.now() - begun) / 1_000;
}
