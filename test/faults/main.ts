import { parseArgs } from 'node:util';
import { stopTestServers } from '../support/servers.ts';
import { runCampaign } from './campaign.ts';
import { reportOf } from './report.ts';

const HELP = `Breaks a fleet of two gateways, two APIs and two workers while files flow, and checks what was promised.
  --minutes N   how long faults strike (default 5)
  --seed S      the same seed makes the same schedule and files (default: the time)
  --beside DIR  another version of this repository, with its node_modules, from which the second of every role runs,
                on the database of this one: what an upgrade does`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    beside: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`${HELP}\n`);
} else {
  process.stdout.write(`seed ${values.seed}, ${values.minutes} minutes\n`);
  try {
    const campaign = await runCampaign({
      seed: Number(values.seed),
      seconds: Number(values.minutes) * 60,
      beside: values.beside,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${reportOf(campaign)}\n`);
    const found = Object.values(campaign.findings).flat().length;
    if (found > 0) {
      process.stdout.write(`${campaign.fleet.log.slice(-100).join('')}\n`);
      process.exitCode = 1;
    }
  } finally {
    await stopTestServers();
  }
}
