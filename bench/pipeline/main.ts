import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { generateTransactions, TRANSACTIONS_HEADER } from '../../test/support/csv-files.ts';
import { stopTestServers } from '../../test/support/servers.ts';
import { copyAndMerge, copyDirectly, pgloader } from './floors.ts';
import { measure, type Sample } from './measure.ts';
import { type Bench, startBench } from './piing.ts';
import { median, percentile, printTable } from './table.ts';

const HELP = `Measures the pipeline from the acknowledged object to COMPLETED beside psql and pgloader, in interleaved runs.
  --runs N       runs of each load (default 3)
  --rows N       rows of the large file (default 700000, 103 MB)
  --existing N   rows of others in the table, in thousands (default 2100)
  --only LIST    of: large, growth, json, latency (default: all)
Needs Linux, and Debian's postgresql-client and pgloader.`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    rows: { type: 'string', default: '700000' },
    existing: { type: 'string', default: '2100' },
    only: { type: 'string', default: 'large,growth,json,latency' },
    help: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const largeRows = Number(values.rows);

/** The large file for the first time and again, by every contender in turn. */
async function large(bench: Bench, directory: string): Promise<void> {
  const file = await csvFile(directory, largeRows);
  const samples: Record<'a' | 'b' | 'piing' | 'aAgain' | 'piingAgain' | 'loader', Sample[]> = {
    ...{ a: [], b: [], piing: [], aAgain: [], piingAgain: [], loader: [] },
  };
  const { databaseUrl } = bench;
  for (let run = 0; run < runs; run += 1) {
    const tenant = await bench.tenant();
    const floor = `floor-${run}`;
    const merge = (at: string) => () => copyAndMerge(databaseUrl, floor, file, at);
    const inTurn = async (own: Sample[], theirs: Sample[], at: string) => {
      const ours = async () => own.push(await measure(bench, 'worker', await bench.prepare(tenant, file)));
      const floors = async () => theirs.push(await measure(bench, 'child', merge(at)));
      for (const turn of run % 2 === 0 ? [floors, ours] : [ours, floors]) await turn();
    };
    await inTurn(samples.piing, samples.a, '2026-01-01');
    await inTurn(samples.piingAgain, samples.aAgain, '2026-01-02');
    await clean(bench);
    samples.b.push(await measure(bench, 'child', () => copyDirectly(databaseUrl, floor, file)));
    if (existsSync('/usr/bin/pgloader'))
      samples.loader.push(await measure(bench, 'child', () => pgloader(databaseUrl, directory, file)));
    await clean(bench);
  }
  printTable(`${largeRows} new rows over ${values.existing},000`, [
    { what: 'floor A: psql \\copy + merge', samples: samples.a },
    { what: 'floor B: psql \\copy into the table', samples: samples.b, floor: samples.a },
    { what: 'pgloader into staging, no merge', samples: samples.loader, floor: samples.a },
    { what: 'piing', samples: samples.piing, floor: samples.a },
  ]);
  printTable('The same file again', [
    { what: 'floor A: psql \\copy + merge', samples: samples.aAgain },
    { what: 'piing', samples: samples.piingAgain, floor: samples.aAgain },
  ]);
}

async function growth(bench: Bench, directory: string): Promise<void> {
  const rows = [];
  for (const count of [7_000, 70_000, 700_000]) {
    const file = await csvFile(directory, count);
    const [a, piing]: [Sample[], Sample[]] = [[], []];
    for (let run = 0; run < runs; run += 1) {
      const tenant = await bench.tenant();
      a.push(
        await measure(bench, 'child', () =>
          copyAndMerge(bench.databaseUrl, `floor-${run}`, file, '2026-01-01'),
        ),
      );
      piing.push(await measure(bench, 'worker', await bench.prepare(tenant, file)));
      await clean(bench);
    }
    rows.push(
      { what: `floor A, ${count} rows`, samples: a },
      { what: `piing, ${count} rows`, samples: piing, floor: a },
    );
  }
  printTable('Growth', rows);
}

/** The same rows as JSON; the floor is the CSV's time. */
async function json(bench: Bench, directory: string): Promise<void> {
  const count = Math.min(largeRows, 350_000);
  const files = [await csvFile(directory, count), await jsonFile(directory, count)] as const;
  const [asCsv, asJson]: [Sample[], Sample[]] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    for (const [index, samples] of [asCsv, asJson].entries()) {
      const tenant = await bench.tenant();
      samples.push(await measure(bench, 'worker', await bench.prepare(tenant, files[index] as string)));
      await clean(bench);
    }
  }
  printTable(`${count} rows as CSV and as JSON`, [
    { what: 'CSV', samples: asCsv },
    { what: 'JSON', samples: asJson, floor: asCsv },
  ]);
}

/** From CLOSE to COMPLETED for 100 rows: new ones, and some that are there. */
async function latency(bench: Bench, directory: string): Promise<void> {
  const file = await csvFile(directory, 100);
  const tenant = await bench.tenant();
  const times: number[] = [];
  for (let run = 0; run < 40 + 40 * runs; run += 1) {
    const finish = await bench.prepare(tenant, file);
    const begun = performance.now();
    await finish();
    // The first ones warm up.
    if (run >= 40) times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 20 * Math.random()));
  }
  const [p50, p99] = [median(times), percentile(times, 0.99)].map((value) => value.toFixed(0));
  process.stdout.write(
    `100 rows, ms from CLOSE to COMPLETED: median ${p50}, 99th percentile ${p99} of ${times.length}\n`,
  );
}

/** Takes the contenders' rows out, so that each run meets the same table. */
async function clean({ pool }: Bench): Promise<void> {
  await pool.query(`DELETE FROM public.org_transactions WHERE organization_id <> 'others'`);
}

async function fillWithOthers(bench: Bench, directory: string): Promise<void> {
  const rows = Number(values.existing) * 1_000;
  const file = await csvFile(directory, rows, 7);
  await copyDirectly(bench.databaseUrl, 'others', file);
  await rm(file);
  await bench.pool.query('VACUUM ANALYZE public.org_transactions');
}

async function csvFile(directory: string, rows: number, seed = 0): Promise<string> {
  const path = join(directory, `${rows}-${seed}.csv`);
  if (!existsSync(path)) await pipeline(generateTransactions(rows, { seed }).bytes, createWriteStream(path));
  return path;
}

const NUMBERS = new Set([
  'gross_amount',
  'discount_amount',
  'tax_amount',
  'tip_amount',
  'total_amount',
  'guest_count',
]);

async function jsonFile(directory: string, rows: number): Promise<string> {
  const path = join(directory, `${rows}.json`);
  const names = TRANSACTIONS_HEADER.split(',');
  await pipeline(
    generateTransactions(rows).bytes,
    async function* toJson(source) {
      let before = '[';
      for await (const chunk of source) {
        const lines = String(chunk).trimEnd().split('\n');
        for (const line of lines[0] === TRANSACTIONS_HEADER ? lines.slice(1) : lines) {
          const members = line
            .split(',')
            .map(
              (text, index) =>
                `"${names[index]}":${NUMBERS.has(names[index] as string) ? text : JSON.stringify(text)}`,
            );
          yield `${before}{${members.join(',')}}`;
          before = ',\n';
        }
      }
      yield ']\n';
    },
    createWriteStream(path),
  );
  return path;
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const directory = await mkdtemp(join(tmpdir(), 'piing-bench-'));
  try {
    const bench = await startBench(directory);
    await fillWithOthers(bench, directory);
    process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${runs} runs\n`);
    const scenarios = { large, growth, json, latency };
    for (const [name, scenario] of Object.entries(scenarios)) {
      if (values.only.split(',').includes(name)) await scenario(bench, directory);
    }
  } finally {
    await stopTestServers();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
