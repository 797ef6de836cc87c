import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { UploadView } from '../../src/api/upload-views.ts';
import { type Drop, dayOf } from './day.ts';
import { type DemoGateway, startGateway } from './gateway.ts';
import { send, tokenOf, uploadsOf } from './senders.ts';

const HELP = `Starts the gateway with two organizations and plays a day of uploads, good, partly good and failing ones.
  --pace SECONDS  how long the day takes (default 60; 0: as fast as it goes)
  --seed N        another number makes other files (default 1)
  --day DATE      the day that the rows are of (default: today)
  --data DIR      where everything is kept (default .piing-demo)
  --exit          stop at the end of the day; default: go on until ^C`;

const ORGANIZATIONS = ['blue-bistro', 'corner-books'] as const;
/** Longest wait for the last file of the day. */
const PATIENCE_MS = 60_000;

const { values } = parseArgs({
  options: {
    pace: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    day: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    data: { type: 'string', default: '.piing-demo' },
    exit: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line = '') => process.stdout.write(`${line}\n`);

async function main(): Promise<number | null> {
  const pace = Number(values.pace);
  const seed = Number(values.seed);
  if (values.help || !(pace >= 0) || !Number.isInteger(seed) || !/^\d{4}-\d\d-\d\d$/.test(values.day)) {
    say(HELP);
    return values.help ? 0 : 1;
  }
  const drops = dayOf({ seed, day: values.day, samples: await readSamples() });
  const gateway = await startGateway(resolve(values.data));
  // The gateway gets ^C by itself, as it is in the foreground too: this process only waits for its end.
  process.on('SIGINT', () => undefined);
  process.once('SIGTERM', gateway.stop);
  await describe(gateway);
  await Promise.race([play(gateway, drops, pace * 1_000), gateway.ended]);
  if (values.exit) gateway.stop();
  else say('\nThe day is over; the gateway goes on. Stop with ^C.');
  return gateway.ended;
}

async function readSamples() {
  const read = (name: string) => readFile(`config/samples/${name}`, 'utf8');
  return {
    'orgTransactions.csv': await read('orgTransactions.csv'),
    'orgShifts.csv': await read('orgShifts.csv'),
    'generic_transactions.json': await read('generic_transactions.json'),
  };
}

async function describe(gateway: DemoGateway): Promise<void> {
  const { http, sftp, metrics } = gateway.endpoints;
  say(`Uploads page  ${http.url}/`);
  for (const organization of ORGANIZATIONS)
    say(`              sign in with ${shown(gateway.credentialFile(organization))}`);
  say(`SFTP          ${sftp.host}:${sftp.port}`);
  say(`Metrics       ${metrics.url}/metrics`);
  say(`Log           ${shown(gateway.logFile)}`);
  say();
}

/** Sends the day's files in their order, in `paceMs` altogether, and tells what became of each. */
async function play(gateway: DemoGateway, drops: readonly Drop[], paceMs: number): Promise<void> {
  const first = drops[0]?.minute ?? 0;
  const span = Math.max(1, (drops.at(-1)?.minute ?? 0) - first);
  const begun = Date.now();
  await tryWrongSecret(gateway);
  for (const drop of drops) {
    await delay(Math.max(0, begun + ((drop.minute - first) / span) * paceMs - Date.now()));
    const answer = await send(gateway, drop);
    say(
      `${clock(drop.minute)}  ${drop.by}  ${drop.organization}/${drop.folder}/${drop.fileName}${remark(drop)}`,
    );
    if (!answer.taken) say(`       not taken: ${answer.reason}`);
  }
  say();
  for (const organization of ORGANIZATIONS) say(summary(organization, await finished(gateway, organization)));
}

/** Somebody mistypes a secret every day; dashboards count it. */
async function tryWrongSecret(gateway: DemoGateway): Promise<void> {
  const { client_id } = await gateway.credential('blue-bistro');
  await tokenOf(gateway, { client_id, client_secret: 'mistyped' }).catch(() => undefined);
}

async function finished(gateway: DemoGateway, organization: string): Promise<readonly UploadView[]> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(200)) {
    const uploads = await uploadsOf(gateway, organization);
    const isOver = uploads.every(({ status }) => !['RECEIVING', 'PENDING', 'PROCESSING'].includes(status));
    if (isOver || Date.now() > deadline) return uploads;
  }
}

function summary(organization: string, uploads: readonly UploadView[]): string {
  const counts = Map.groupBy(uploads, ({ status }) => status);
  const states = [...counts].map(([status, { length }]) => `${length} ${status}`).sort();
  const loaded = uploads.reduce((sum, { rows }) => sum + (rows?.loaded ?? 0), 0);
  return `${organization}: ${uploads.length} uploads (${states.join(', ')}), ${loaded} rows loaded`;
}

const clock = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

const remark = ({ note, manner }: Drop) => {
  const remarks = [manner, note].filter(Boolean);
  return remarks.length > 0 ? `  (${remarks.join('; ')})` : '';
};

/** Paths as a person in this directory would type them. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

try {
  process.exitCode = (await main()) ?? 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
