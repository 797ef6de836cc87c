import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { readTranscript } from '../guides/transcript.ts';
import { anchorsOf, faultOf, type Link, linksOf, pagesBelow, pathOf } from './links.ts';

/** Pages whose `console` blocks are run, and by which test. */
const RUN_BY: Readonly<Record<string, string>> = {
  'docs/guides/administrators.md': 'test/guides/administrators.test.ts',
  'docs/guides/tenants.md': 'test/guides/tenants.test.ts',
  'docs/operations/backup-and-restore.md': 'test/guides/backup-and-restore.test.ts',
  'docs/operations/install.md': 'test/guides/databases.test.ts',
  'docs/operations/secrets.md': 'test/guides/databases.test.ts',
};

describe('The documents', () => {
  let pages: readonly string[];
  let links: Link[];

  before(async () => {
    pages = await pagesBelow('.');
    links = [];
    for (const page of pages) links.push(...linksOf(page, await readFile(page, 'utf8')));
  });

  it('have no relative link that leads nowhere, and no anchor without its heading', async () => {
    assert.ok(links.length > 50, `${links.length} links`);
    const faults: string[] = [];
    for (const link of links) {
      const fault = await faultOf('.', link);
      if (fault) faults.push(`${link.page}:${link.line}: ${link.target}: ${fault}`);
    }
    assert.deepEqual(faults, []);
  });

  it('are all in the index, decisions and runbooks aside', async () => {
    const linked = new Set(links.filter(({ page }) => page === 'docs/README.md').map(pathOf));
    const missing = pages.filter(
      (page) => /^docs\/(?!README|decisions|runbooks)/.test(page) && !linked.has(page),
    );
    assert.deepEqual(missing, []);
  });

  it('have no typed command that no test runs', async () => {
    const untested: string[] = [];
    for (const page of pages) {
      const steps = readTranscript(await readFile(page, 'utf8'));
      if (steps.length > 0 && !(page in RUN_BY)) untested.push(page);
    }
    assert.deepEqual(untested, []);
    for (const [page, test] of Object.entries(RUN_BY))
      assert.ok((await readFile(test, 'utf8')).includes(page.split('/').at(-1) ?? page), `${test}: ${page}`);
  });

  it('are read as GitHub reads them', () => {
    const page = '# A `code` & [link](x.md)\n\n```sh\n# no heading [no](link.md)\n```\n\n## Same\n## Same\n';
    assert.deepEqual([...anchorsOf(page)], ['a-code--link', 'same', 'same-1']);
    assert.deepEqual(
      linksOf('p.md', `${page}[a](b.md#c) \`[no](d.md)\` [out](https://example.com)`).map(
        ({ target, line }) => `${line} ${target}`,
      ),
      ['1 x.md', '9 b.md#c'],
    );
  });
});
