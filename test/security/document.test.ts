import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const PAGE = 'docs/security.md';

describe('docs/security.md', () => {
  let text: string;

  before(async () => {
    text = await readFile(PAGE, 'utf8');
  });

  it('names tests that there are, by their titles', async () => {
    const links = [...text.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\)/g)];
    assert.ok(links.length > 50, `${links.length} links`);
    const broken: string[] = [];
    for (const [, title = '', path = ''] of links) {
      const source = await readFile(path, 'utf8').catch(() => '');
      if (!source.replaceAll("\\'", "'").includes(title)) broken.push(`${path}: ${title}`);
    }
    assert.deepEqual(broken, []);
  });

  it('names files that there are', () => {
    const named = [...text.matchAll(/`((?:src|test|docs|tools)\/[^`*]+)`|\]\(\.\.\/([A-Z][^)]+)\)/g)];
    for (const [, path, link] of named) assert.ok(existsSync(path ?? link ?? ''), path ?? link);
  });

  it('says for every boundary who could do what, what stops it and what shows it', () => {
    const rows = text.split('\n').filter((line) => /^\| [STRIDE, ]+ \|/.test(line));
    assert.ok(rows.length > 40, `${rows.length} rows`);
    for (const row of rows) {
      const cells = row.split('|').slice(1, -1);
      assert.equal(cells.length, 4, row);
      assert.match(cells[3] ?? '', /\]\(\.\.\/test\//, row);
    }
    for (const letter of 'STRIDE')
      assert.ok(
        rows.some((row) => row.split('|')[1]?.includes(letter)),
        letter,
      );
  });
});
