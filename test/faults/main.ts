import { parseArgs } from 'node:util';
import { stopTestServers } from '../support/servers.ts';
import { runCampaign } from './campaign.ts';
import { enduranceText, runEndurance } from './endurance.ts';
import { findingsText, reportOf } from './report.ts';
import { runUpgrade } from './upgrade.ts';

const HELP = `Breaks a fleet of two gateways, two APIs and two workers while files flow, and checks what was promised.
  --minutes N         how long faults strike (default 5)
  --seed S            the same seed makes the same schedule and files (default: the time)
  --store KIND        s3 (default) or directory: where the fleet keeps files
  --beside DIR        another version of this repository, with its node_modules, from which the second of every role
                      runs, on the database of this one: what an upgrade does
  --upgrade-from DIR  no faults: goes from the version in DIR to this one, back, and forth again, member by member
  --endurance         no faults: shows what the processes use, the largest of each tenth of the time`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    store: { type: 'string', default: 's3' },
    beside: { type: 'string' },
    'upgrade-from': { type: 'string' },
    endurance: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.minutes) * 60;
const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
const print = (text: string) => void process.stdout.write(`${text}\n`);
const LOG_ENTRIES = 200;
const UPGRADE_STEPS = 5;

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopTestServers().finally(() => process.exit(1)));

if (values.help) {
  print(HELP);
} else {
  try {
    const from = values['upgrade-from'];
    const kept = values.endurance ? await endurance() : from ? await upgrade(from) : await campaign();
    if (!kept) process.exitCode = 1;
  } finally {
    await stopTestServers();
  }
}

async function campaign(): Promise<boolean> {
  print(`seed ${seed}, ${values.minutes} minutes`);
  const store = values.store === 'directory' ? 'directory' : 's3';
  const outcome = await runCampaign({ seed, seconds, store, beside: values.beside, onProgress });
  print(reportOf(outcome));
  const kept = Object.values(outcome.findings).every((found) => found.length === 0);
  if (!kept) print(outcome.fleet.log.slice(-LOG_ENTRIES).join(''));
  return kept;
}

async function endurance(): Promise<boolean> {
  const outcome = await runEndurance({ seed, seconds, onProgress });
  print(enduranceText(outcome));
  print(findingsText(outcome.findings));
  return Object.values(outcome.findings).every((found) => found.length === 0);
}

async function upgrade(from: string): Promise<boolean> {
  const outcome = await runUpgrade({ seed, from, seconds: seconds / UPGRADE_STEPS, onProgress });
  const { sent, findings, refusedTwice, fleet } = outcome;
  const acknowledged = sent.filter(({ told }) => told === 'acknowledged').length;
  print(`files sent ${sent.length}, acknowledged ${acknowledged}, refused twice ${refusedTwice.length}`);
  for (const { name, via, reason } of refusedTwice.slice(0, 20)) print(`  ${name} by ${via}: ${reason}`);
  print(findingsText(findings));
  const kept = [...Object.values(findings), refusedTwice].every((found) => found.length === 0);
  if (!kept) print(fleet.log.slice(-LOG_ENTRIES).join(''));
  return kept;
}
