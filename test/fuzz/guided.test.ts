import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { seededRandom } from '../faults/random.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { countBlocks } from './guided/count-blocks.ts';
import { Coverage } from './guided/coverage.ts';
import { Executor } from './guided/executor.ts';
import { type Instrumentation, instrument } from './guided/instrument.ts';
import { type Found, search } from './guided/search.ts';

/** Blind chance needs 2^32 inputs of the right length. */
const EXECUTIONS = 100_000;

const SAMPLE = `
function judge(value /* ä */) {
  'use strict';
  if (value > 2) if (value > 5) return 'large'; else return 'fair'
  for (const each of [1, 2]) if (value === each) return label(each) ?? 'none'
  switch (value) { case 0: case -1: return this === undefined && value === 0 ? 'strict' : 'other'; default: }
  const again = (one) => one || { object: true }
  do value += 10; while (value < 0 && value)
  return again(value)
}
const label = (each) => each === 1 && 'one' || undefined;
values.map(judge)`;
const VALUES = [7, 3, 1, 2, 0, -1, -5, -10, -15];

describe('Counted blocks', () => {
  const counted = countBlocks(SAMPLE, { script: true, first: 0 });
  const run = (values: readonly number[]) => {
    const hits = new Uint32Array(counted.blocks);
    const results: unknown = runInNewContext(counted.source, { __hits: hits, values });
    return { results: plain(results), reached: hits.filter(Boolean).length };
  };

  it('change nothing of what the code does', () => {
    assert.deepEqual(run(VALUES).results, plain(runInNewContext(SAMPLE, { values: VALUES })));
  });

  it('are all reached by values that take every way, and few by one that takes a short one', () => {
    assert.equal(run(VALUES).reached, counted.blocks);
    // The function, and two branches.
    assert.equal(run([7]).reached, 3);
  });

  it('yield the texts and numbers that a format may consist of', () => {
    for (const literal of ['large', 'strict', 5, 10])
      assert.ok(counted.literals.includes(literal), `${literal}`);
  });
});

describe('An input that never ends', () => {
  it('is kept, and ends the search with a line that names it', async () => {
    const directory = await temporaryDirectory('endless');
    const program = `
      import { Watchdog } from ${JSON.stringify(new URL('./guided/watchdog.ts', import.meta.url).href)};
      new Watchdog('endless', 64, 1_000).begin(Buffer.from('never'));
      for (;;);`;
    await writeFile(join(directory, 'endless.mjs'), program);
    const child = spawn(process.execPath, ['endless.mjs'], { cwd: directory, timeout: 25_000 });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    const [, signal] = await once(child, 'close');
    assert.equal(signal, 'SIGKILL');
    const [, path = ''] = /^(\S+): no end after 1000 ms$/m.exec(said) ?? [];
    assert.equal(await readFile(join(directory, path), 'utf8'), 'never');
  });
});

/** From one world of objects into this one. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('The guided search', () => {
  let counting: Instrumentation;
  let openWithMagic: (bytes: Uint8Array) => 'refused' | 'opened';

  before(async () => {
    counting = instrument((file) => file.endsWith('/guided/magic.ts'));
    ({ openWithMagic } = await import('./guided/magic.ts'));
  });
  after(() => counting.remove());

  async function searchMagic(seed: number, guided: boolean): Promise<Found & { readonly kept: string[] }> {
    const check = (input: Buffer) => {
      if (openWithMagic(input) === 'opened') throw new Error('opened');
    };
    const executor = new Executor(check, new Coverage(counting.hits, () => counting.blocks));
    const kept: string[] = [];
    const found = await search({
      executor,
      seeds: [Buffer.from('seed')],
      tokens: () => [],
      maxBytes: 16,
      random: seededRandom(seed),
      guided,
      isOver: () => executor.executions >= EXECUTIONS || kept.length > 0,
      onFinding: (input) => kept.push(input.toString('hex')),
    });
    return { ...found, kept };
  }

  it('finds four nested bytes by what each input reached, and makes what it found as short as it can be', async () => {
    for (const seed of [6, 8, 11]) assert.deepEqual((await searchMagic(seed, true)).kept, ['9e31c758']);
  });

  it('finds nothing in as many executions when it is not guided', async () => {
    assert.deepEqual((await searchMagic(1, false)).kept, []);
  });

  it('tries the same inputs again for the same seed', async () => {
    const [first, second] = [await searchMagic(8, true), await searchMagic(8, true)];
    assert.ok(first.frontier.inputs.length > 1);
    assert.deepEqual(first.frontier.inputs, second.frontier.inputs);
  });
});
