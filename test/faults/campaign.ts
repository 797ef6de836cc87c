import { until } from '../support/until.ts';
import { checkPromise, type Findings } from './checker.ts';
import { FAULTS, type Fault } from './faults.ts';
import { FileMaker, type SentFile } from './files.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { seededRandom } from './random.ts';
import { Sender } from './senders.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Goes on for longer, on a slow machine, until so many faults have struck; default 1. */
  readonly atLeast?: number;
  readonly beside?: string | undefined;
  readonly onProgress?: (line: string) => void;
}

export interface Campaign {
  readonly fleet: Fleet;
  readonly sent: readonly SentFile[];
  readonly findings: Findings;
  /** How often each fault struck, and how long it took from its healing to the next acknowledgement, in seconds. */
  readonly struck: ReadonlyMap<string, readonly number[]>;
  /** The longest time without any acknowledgement, in seconds. */
  readonly longestStall: number;
  /** From the last fault's healing until everything that was received had ended, in seconds. */
  readonly settleSeconds: number;
}

const SENDERS = ['sftp', 'sftp', 'sftp', 'http', 'http'] as const;
/** Sweeping waits 45 s for a dead process, retries of a job up to two minutes. */
const SETTLE_MS = 400_000;

/** Lets files flow while faults strike one after the other, sometimes two at once; then holds the world to its word. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const { seed, seconds, atLeast = 1, onProgress = () => undefined } = options;
  const random = seededRandom(seed);
  const fleet = await startFleet({ beside: options.beside });
  const senders = SENDERS.map(
    (door, index) => new Sender(fleet, new FileMaker(random.fork()), random.fork(), `${door}-${index}`, door),
  );
  const everything = () => senders.flatMap((sender) => sender.sent);
  const watch = watchStalls(everything);
  const struck = new Map<string, number[]>();
  const schedule = random.fork();
  const end = Date.now() + seconds * 1_000;
  // Every kind once before any comes again.
  let left: Fault[] = [];
  while (Date.now() < end || struck.size < atLeast) {
    await pause(schedule.between(500, 3_000));
    const now = Array.from({ length: schedule.chance(0.2) ? 2 : 1 }, () => {
      if (left.length === 0) left = [...FAULTS];
      return left.splice(schedule.between(0, left.length - 1), 1)[0] as Fault;
    });
    onProgress(
      `${Math.max(0, Math.round((end - Date.now()) / 1_000))} s left: ${now.map((f) => f.name).join(' and ')}`,
    );
    await Promise.all(
      now.map(async (fault) => {
        const heal = await fault.strike(fleet, schedule);
        await pause(schedule.between(...fault.lasts));
        await heal();
        const recovered = await watch.nextAcknowledgement();
        struck.set(fault.name, [...(struck.get(fault.name) ?? []), recovered]);
      }),
    );
  }
  for (const sender of senders) await sender.stop();
  watch.stop();
  for (const member of fleet.members) await fleet.start(member);
  const begun = performance.now();
  onProgress('settling');
  await until(() => settled(fleet), SETTLE_MS).catch(() => onProgress('did not settle in time'));
  const settleSeconds = (performance.now() - begun) / 1_000;
  const sent = everything();
  return {
    ...{ fleet, sent, struck, settleSeconds, longestStall: watch.longest() },
    findings: await checkPromise(fleet, sent),
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function settled({ pool }: Fleet): Promise<true | undefined> {
  await pause(500);
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM piing.uploads
      WHERE status IN ('RECEIVING', 'PENDING', 'PROCESSING') OR discard_pending`,
  );
  return rows[0]?.open === 0 ? true : undefined;
}

function watchStalls(everything: () => readonly SentFile[]) {
  let count = 0;
  let since = performance.now();
  let longest = 0;
  const acknowledged = () => everything().filter(({ told }) => told === 'acknowledged').length;
  const timer = setInterval(() => {
    const now = acknowledged();
    longest = Math.max(longest, performance.now() - since);
    if (now === count) return;
    count = now;
    since = performance.now();
  }, 100);
  return {
    longest: () => longest / 1_000,
    stop: () => clearInterval(timer),
    /** Seconds until a file is acknowledged again; at most a minute. */
    nextAcknowledgement: async () => {
      const begun = performance.now();
      const before = acknowledged();
      await until(async () => (acknowledged() > before ? true : undefined), 60_000).catch(() => undefined);
      return (performance.now() - begun) / 1_000;
    },
  };
}
