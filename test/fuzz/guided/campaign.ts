import { basename, relative } from 'node:path';
import { seededRandom } from '../../faults/random.ts';
import { corpusOf, keep, reachedOf, writeReached } from '../corpus.ts';
import { TARGETS } from '../targets/index.ts';
import { Coverage } from './coverage.ts';
import { Executor } from './executor.ts';
import { instrument } from './instrument.ts';
import { distill, search } from './search.ts';
import { tokensOf } from './tokens.ts';
import { Watchdog } from './watchdog.ts';

const DEFAULT_MAX_BYTES = 4_096;

export interface CampaignOptions {
  readonly target: string;
  readonly seed: number;
  /** Whichever comes first. */
  readonly seconds: number;
  readonly executions: number;
  readonly guided: boolean;
  /** Begins with the seeds alone and not with what earlier campaigns have kept. */
  readonly fresh: boolean;
  /** Writes what is needed to reach the same blocks into the corpus. */
  readonly save: boolean;
  readonly say: (line: string) => void;
}

export interface CampaignReport {
  readonly executions: number;
  readonly seconds: number;
  readonly blocks: number;
  readonly allBlocks: number;
  /** How far each file that guides the search was reached. */
  readonly files: readonly { readonly file: string; readonly reached: number; readonly blocks: number }[];
  readonly inputs: number;
  /** Where each finding was kept. */
  readonly findings: readonly string[];
}

/** Searches one target for a while. One for each process: the code that it loads stays instrumented. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { target: name, say } = options;
  const entry = TARGETS[name];
  if (!entry) throw new Error(`There is no target ${name}. There are ${Object.keys(TARGETS).join(', ')}.`);
  const counting = instrument((file) => entry.covers.test(file));
  const target = await entry.open();
  const maxBytes = target.maxBytes ?? DEFAULT_MAX_BYTES;
  const watchdog = new Watchdog(name, maxBytes);
  const coverage = new Coverage(counting.hits, () => counting.blocks);
  const executor = new Executor((input) => target.check(input), coverage, watchdog);
  process.on('uncaughtException', executor.fail).on('unhandledRejection', executor.fail);
  const findings: string[] = [];
  const onFinding = (input: Buffer, error: Error) => {
    const path = keep(name, input);
    findings.push(path);
    say(`${path}: ${error.stack ?? error.message}\nAgain: npx mocha -g ${basename(path)}`);
  };
  const stored = options.fresh ? [] : [...corpusOf(name), ...reachedOf(name)].map(({ bytes }) => bytes);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  const { frontier } = await search({
    executor,
    seeds: [...target.seeds.map((seed) => Buffer.from(seed as string)), ...stored],
    tokens: growing(counting.literals, target.tokens ?? []),
    maxBytes,
    random: seededRandom(options.seed),
    guided: options.guided,
    isOver: () => executor.executions >= options.executions || seconds() >= options.seconds,
    onFinding,
  });
  const report = {
    executions: executor.executions,
    seconds: seconds(),
    blocks: frontier.blocks.size,
    allBlocks: counting.blocks,
    files: counting.files.map(({ file, first, blocks }) => ({
      file: relative('.', file),
      reached: [...frontier.blocks].filter((block) => block >= first && block < first + blocks).length,
      blocks,
    })),
    inputs: frontier.inputs.length,
    findings,
  };
  await target.settle?.().catch((error: Error) => {
    findings.push('all inputs together');
    say(`all inputs together: ${error.stack}`);
  });
  if (options.save) {
    const inputs = await distill(executor, frontier.inputs);
    say(`${writeReached(name, inputs)}: ${inputs.length} inputs`);
  }
  await target.close?.();
  await watchdog.close();
  return report;
}

/** The target's words and what stands in the code that has been loaded so far. */
function growing(
  literals: ReadonlySet<string | number>,
  words: readonly (string | Uint8Array)[],
): () => readonly Buffer[] {
  let known = -1;
  let tokens: readonly Buffer[] = [];
  return () => {
    if (literals.size === known) return tokens;
    known = literals.size;
    // The target's words are few among what stands in the code.
    const own = tokensOf(words);
    const found = tokensOf(literals);
    const times = Math.max(1, Math.floor(found.length / Math.max(1, own.length)));
    tokens = [...found, ...Array.from({ length: times }, () => own).flat()];
    return tokens;
  };
}
