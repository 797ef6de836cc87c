import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

const CORPUS = 'test/fuzz/corpus';
/** The inputs of a guided search: one a line, in JSON, a character for each byte. */
const REACHED = 'reached.txt';
/** Milliseconds for which each target is searched in `npm test`; PIING_FUZZ_SECONDS lets it search for longer. */
const FUZZ_MS = Number(process.env.PIING_FUZZ_SECONDS ?? 3) * 1_000;

export interface CorpusInput {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The inputs that a target was once wrong about, and those that show what it has to bear. */
export function corpusOf(target: string): readonly CorpusInput[] {
  const directory = join(CORPUS, target);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name !== REACHED)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(directory, name)) }));
}

/** The inputs by which the guided search has reached what it has reached. */
export function reachedOf(target: string): readonly CorpusInput[] {
  const path = join(CORPUS, target, REACHED);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line, index) => ({
    name: `${REACHED}:${index + 1}`,
    bytes: Buffer.from(JSON.parse(line) as string, 'latin1'),
  }));
}

/** Puts these in the place of all that {@link reachedOf} has. Returns where. */
export function writeReached(target: string, inputs: readonly Buffer[]): string {
  const path = join(CORPUS, target, REACHED);
  mkdirSync(join(CORPUS, target), { recursive: true });
  writeFileSync(path, inputs.map((input) => `${asciiJson(input.toString('latin1'))}\n`).join(''));
  return path;
}

/** Without characters that editors show in their own ways. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Keeps an input, so that it is a test from now on. Returns where. */
export function keep(target: string, bytes: Uint8Array): string {
  const directory = join(CORPUS, target);
  const path = join(directory, `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** Searches for an input that the check rejects; what it finds, made as small as possible, joins the corpus. */
export async function search(
  target: string,
  inputs: fc.Arbitrary<Uint8Array>,
  check: (bytes: Buffer) => Promise<void> | void,
): Promise<void> {
  const property = fc.asyncProperty(inputs, async (bytes) => check(Buffer.from(bytes)));
  const seed = Number(process.env.PIING_FUZZ_SEED ?? Date.now() % 2 ** 31);
  const details = await fc.check(property, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: FUZZ_MS,
    markInterruptAsFailure: false,
  });
  const found = details.counterexample?.[0];
  if (!details.failed || found === undefined) return;
  const path = keep(target, found);
  throw new Error(`${path} (seed ${seed}): ${String(details.errorInstance)}`, {
    cause: details.errorInstance,
  });
}

/** Valid bytes with some of them changed, taken out, doubled, or cut off: what is nearly right gets furthest. */
export function damaged(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'remove', 'insert', 'double', 'cut'),
    bytes: fc.uint8Array({ maxLength: 8 }),
  });
  return fc.tuple(valid, fc.array(edit, { maxLength: 4 })).map(([bytes, edits]) =>
    edits.reduce((all, { at, kind, bytes: given }) => {
      const from = at % (all.length + 1);
      const [before, behind] = [all.subarray(0, from), all.subarray(from)];
      if (kind === 'cut') return before;
      if (kind === 'remove') return Buffer.concat([before, behind.subarray(given.length)]);
      if (kind === 'double') return Buffer.concat([before, behind, behind]).subarray(0, 200_000);
      return Buffer.concat([before, given, kind === 'set' ? behind.subarray(given.length) : behind]);
    }, Buffer.from(bytes)),
  );
}

export const textBytes = (texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> =>
  texts.map((text) => Buffer.from(text));
