import type { Random } from '../../faults/random.ts';
import { blockOf } from './coverage.ts';
import { type Executor, signatureOf } from './executor.ts';
import { Frontier } from './frontier.ts';
import { mutate } from './mutations.ts';
import { shrink } from './shrink.ts';

/** Executions that one finding may cost to be made small, and one input that is kept. */
const FINDING_ATTEMPTS = 1_000;
const INPUT_ATTEMPTS = 200;
/** How often the search begins again with a seed: what is kept is short, and seeds have much to combine. */
const SEED_SHARE = 0.25;
/** A target with so many mistakes needs a person first. */
const MAX_FINDINGS = 10;

export interface SearchOptions {
  readonly executor: Executor;
  readonly seeds: readonly Buffer[];
  /** Asked before each mutation: the code that is loaded grows. */
  readonly tokens: () => readonly Buffer[];
  readonly maxBytes: number;
  readonly random: Random;
  /** False: mutates the seeds alone, whatever they reach. */
  readonly guided: boolean;
  readonly isOver: () => boolean;
  readonly onFinding: (input: Buffer, error: Error) => void;
}

export interface Found {
  readonly frontier: Frontier;
  /** By what tells them apart. */
  readonly findings: ReadonlyMap<string, Error>;
}

/** Tries inputs near those that reached something new, until it is over. */
export async function search(options: SearchOptions): Promise<Found> {
  const { executor, seeds, tokens, maxBytes, random, guided, isOver, onFinding } = options;
  const frontier = new Frontier();
  const findings = new Map<string, Error>();
  const attempt = async (input: Buffer) => {
    const { features, error } = await executor.run(input);
    if (!error) return frontier.add(input, features);
    const signature = signatureOf(error);
    if (findings.has(signature)) return;
    findings.set(signature, error);
    onFinding(await shrinkFinding(executor, input, signature), error);
  };
  const base = () => {
    const goesOn = guided && !random.chance(SEED_SHARE);
    return (goesOn ? frontier.pick(random) : undefined) ?? random.pick(seeds);
  };
  for (const seed of seeds) await attempt(seed.subarray(0, maxBytes));
  while (!isOver() && findings.size < MAX_FINDINGS)
    await attempt(mutate({ bytes: base(), other: base(), tokens: tokens() }, maxBytes, random));
  return { frontier, findings };
}

function shrinkFinding(executor: Executor, input: Buffer, signature: string): Promise<Buffer> {
  const same = async (smaller: Buffer) => {
    const { error } = await executor.run(smaller);
    return error !== undefined && signatureOf(error) === signature;
  };
  return shrink(input, same, FINDING_ATTEMPTS);
}

/** As few and as short inputs as reach the same blocks, or nearly so. */
export async function distill(executor: Executor, inputs: readonly Buffer[]): Promise<Buffer[]> {
  const reached = new Set<number>();
  const kept: Buffer[] = [];
  const blocksOf = async (input: Buffer) => {
    const { features, error } = await executor.run(input);
    return new Set(error ? [] : features.map(blockOf));
  };
  for (const input of inputs) {
    // Twice, because what runs beside the target may have been there by chance.
    const [first, second] = [await blocksOf(input), await blocksOf(input)];
    const added = [...first].filter((block) => second.has(block) && !reached.has(block));
    if (added.length === 0) continue;
    const reachesThem = async (candidate: Buffer) => {
      const blocks = await blocksOf(candidate);
      return added.every((block) => blocks.has(block));
    };
    const small = await shrink(input, reachesThem, INPUT_ATTEMPTS);
    kept.push(small);
    for (const block of await blocksOf(small)) reached.add(block);
  }
  return kept;
}
