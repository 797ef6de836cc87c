import { parseArgs } from 'node:util';
import { stopTestServers } from '../support/servers.ts';
import { runCampaign } from './guided/campaign.ts';
import { TARGETS } from './targets/index.ts';

const HELP = `Searches one parser for inputs that it takes wrongly, guided by the blocks of code that each input reaches.
  --target NAME    ${Object.keys(TARGETS).join(', ')}
  --seconds N      how long it searches (default 60)
  --executions N   or how many inputs it tries; with a target that waits for nothing, seed and number repeat a search
  --seed S         the same seed makes the same choices (default: the time)
  --save           keeps the inputs that reach most in test/fuzz/corpus/NAME/reached.txt, which npm test tries again
  --fresh          begins with the seeds alone, not with the corpus
  --files          says how much of each file was reached
  --unguided       changes the seeds only, whatever they reach: to see what the guidance is worth
What breaks a target is kept as test/fuzz/corpus/NAME/found-…, and fails npm test until it is mended.`;

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: '' },
    seconds: { type: 'string', default: '60' },
    executions: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    save: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    files: { type: 'boolean', default: false },
    unguided: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);

if (values.help || !Object.hasOwn(TARGETS, values.target)) {
  say(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  say(`target ${values.target}, seed ${values.seed}`);
  const report = await runCampaign({
    target: values.target,
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    executions: Number(values.executions),
    guided: !values.unguided,
    fresh: values.fresh,
    save: values.save,
    say,
  });
  await stopTestServers();
  const { executions, seconds, blocks, allBlocks, inputs, findings } = report;
  say(
    `${executions} executions in ${seconds.toFixed(1)} s (${Math.round(executions / seconds)} a second), ` +
      `${blocks} of ${allBlocks} blocks reached, ${inputs} inputs, ${findings.length} findings`,
  );
  if (values.files)
    for (const { file, reached, blocks: all } of report.files)
      say(`${`${reached} of ${all}`.padStart(14)}  ${file}`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
process.exit();
