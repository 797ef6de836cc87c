import { readdir, readFile } from 'node:fs/promises';
import { settle, startSenders } from './campaign.ts';
import { checkPromise, type Findings } from './checker.ts';
import { type Fleet, startFleet } from './fleet.ts';

/** What a fleet uses at one moment. */
interface Vitals {
  readonly seconds: number;
  readonly members: readonly {
    readonly name: string;
    readonly megabytes: number;
    readonly descriptors: number;
  }[];
  readonly connections: number;
  readonly temporaryTables: number;
  readonly processed: number;
}

export interface Endurance {
  readonly vitals: readonly Vitals[];
  readonly findings: Findings;
  readonly acknowledged: number;
}

const SAMPLES = 120;

/** No faults, files for a long time, and a look at what the processes use now and then. */
export async function runEndurance(options: {
  readonly seed: number;
  readonly seconds: number;
  readonly onProgress?: (line: string) => void;
}): Promise<Endurance> {
  const { seed, seconds, onProgress = () => undefined } = options;
  const fleet = await startFleet({ disks: false });
  const senders = startSenders(fleet, seed);
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 1_000;
  const vitals: Vitals[] = [];
  while (elapsed() < seconds) {
    await new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / SAMPLES));
    const sample = await look(fleet, elapsed());
    vitals.push(sample);
    onProgress(rowOf(sample));
  }
  await senders.stop();
  onProgress('settling');
  await settle(fleet, { onProgress });
  const sent = senders.sent();
  return {
    vitals,
    findings: await checkPromise({ pool: fleet.pool, objects: fleet.store.objects }, sent),
    acknowledged: sent.filter(({ told }) => told === 'acknowledged').length,
  };
}

async function look({ members, pool }: Fleet, seconds: number): Promise<Vitals> {
  const { rows } = await pool.query<Omit<Vitals, 'seconds' | 'members'>>(
    `SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE 'piing%') AS connections,
            (SELECT count(*)::int FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind = 'r' AND n.nspname LIKE 'pg\\_temp%') AS "temporaryTables",
            (SELECT count(*)::int FROM piing.uploads WHERE completed_at IS NOT NULL) AS processed`,
  );
  const [database] = rows;
  if (!database) throw new Error('The database did not say what is in use.');
  return { seconds, ...database, members: await Promise.all(members.map(processVitals)) };
}

async function processVitals({ name, pid }: Fleet['members'][number]) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN);
  return {
    name,
    megabytes: Math.round(kilobytes / 1_024),
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
  };
}

/** As a table: the largest of each tenth of the time. */
export function enduranceText({ vitals, acknowledged }: Endurance): string {
  const names = vitals[0]?.members.map(({ name }) => name) ?? [];
  const tenths = Array.from({ length: 10 }, (_, tenth) =>
    vitals.slice((tenth * vitals.length) / 10, ((tenth + 1) * vitals.length) / 10),
  ).filter(({ length }) => length > 0);
  const header = ['until, s', ...names.map((name) => `${name}: MB, descriptors`)];
  const largest = (samples: readonly Vitals[], of: (sample: Vitals) => number) =>
    Math.max(...samples.map(of));
  return [
    `| ${[...header, 'connections', 'temporary tables', 'processed'].join(' | ')} |`,
    `|${'---|'.repeat(header.length + 3)}`,
    ...tenths.map((samples) => {
      const cells = [
        largest(samples, ({ seconds }) => Math.round(seconds)),
        ...names.map((_, at) => {
          const megabytes = largest(samples, ({ members }) => members[at]?.megabytes ?? 0);
          return `${megabytes}, ${largest(samples, ({ members }) => members[at]?.descriptors ?? 0)}`;
        }),
        largest(samples, ({ connections }) => connections),
        largest(samples, ({ temporaryTables }) => temporaryTables),
        largest(samples, ({ processed }) => processed),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    `acknowledged ${acknowledged}`,
  ].join('\n');
}

function rowOf({ seconds, members, connections, temporaryTables, processed }: Vitals): string {
  const each = members.map(({ name, megabytes, descriptors }) => `${name} ${megabytes} MB ${descriptors}`);
  return `${Math.round(seconds)} s: ${each.join(', ')}, ${connections} connections, ${temporaryTables} tables, ${processed} files`;
}
