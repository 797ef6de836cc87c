import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from '@swc/core';
import { checkSync } from 'recheck';

interface Pattern {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

/** Patterns that are slow for some text, and why no client can give them such a text. */
const EXCUSED: Readonly<Record<string, string>> = {
  'src/tenancy/webhook-secrets.ts =+$':
    'base64 that the line before has taken: at most two of them at the end',
  'src/support/duration.ts (\\d+)([hms])': 'the check before has found a letter behind every run of digits',
  'src/storage/open-store.ts ^s3:\\/\\/([^/]+)\\/?(.*)$': 'a setting of the administrator',
  'src/storage/s3-store.ts \\/+$': 'a setting of the administrator',
  'src/pipeline/transform/other.ts "(?:[^"\\\\]|\\\\.)*"':
    'JSON.parse has taken the text: every quote is closed',
};

/** Patterns put together at run time, which hostile-values.test.ts tries with the longest values. */
const COMPOSED = [
  'src/pipeline/transform/number-form.ts',
  'src/pipeline/transform/other.ts',
  'src/schemas/date-pattern.ts',
];

const LIMITS = { timeout: 30_000, attackTimeout: 1_000, maxRepeatCount: 30, randomSeed: 1 } as const;

describe('The regular expressions of src/', function () {
  this.timeout(300_000);
  const patterns: Pattern[] = [];
  const composed = new Set<string>();

  before(async () => {
    for (const file of globSync('src/**/*.{ts,tsx}')) {
      const options = { syntax: 'typescript', tsx: file.endsWith('x'), target: 'es2024' } as const;
      visit(await parse(await readFile(file, 'utf8'), options), file);
    }
  });

  function visit(node: unknown, file: string): void {
    if (Array.isArray(node)) for (const each of node) visit(each, file);
    else if (typeof node === 'object' && node !== null) {
      const { type, pattern, flags, callee } = node as Record<string, unknown>;
      if (type === 'RegExpLiteral') patterns.push({ file, source: String(pattern), flags: String(flags) });
      const called = (callee as { value?: unknown } | undefined)?.value;
      if ((type === 'NewExpression' || type === 'CallExpression') && called === 'RegExp') composed.add(file);
      visit(Object.values(node), file);
    }
  }

  const nameOf = ({ file, source }: Pattern) => `${file} ${source}`;

  it('are all found', () => {
    assert.ok(patterns.length > 100, `${patterns.length} patterns`);
    assert.ok(patterns.some(({ source }) => source === '^piing_[0-9a-f]{24}$'));
  });

  it('take time that grows with the text and no faster, or never see a text of a client', () => {
    const slow: string[] = [];
    for (const pattern of patterns) {
      if (nameOf(pattern) in EXCUSED) continue;
      const { status } = checkSync(pattern.source, pattern.flags, LIMITS);
      if (status !== 'safe') slow.push(`${nameOf(pattern)}: ${status}`);
    }
    assert.deepEqual(slow, []);
  });

  it('would be found if they did not: those that had kept a worker busy, and the classic', () => {
    for (const source of ['0+$', '^(a|a)*$', '^1[ ]+[ ]+x$'])
      assert.equal(checkSync(source, '', LIMITS).status, 'vulnerable', source);
  });

  it('have no excuse that nobody needs any more', () => {
    const names = new Set(patterns.map(nameOf));
    assert.deepEqual(
      Object.keys(EXCUSED).filter((name) => !names.has(name)),
      [],
    );
  });

  it('are put together at run time in known places only', () => {
    assert.deepEqual([...composed].sort(), COMPOSED);
  });
});
