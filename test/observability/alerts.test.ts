import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROLES, registries } from '../../tools/metrics/registries.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { run } from '../support/run.ts';
import { metricsIn } from './expressions.ts';
import { allRules, type Rule, ruleFiles } from './rules.ts';

const UNIT_TESTS = 'test/observability/rules';
const RUNBOOKS = 'docs/runbooks';
const SECTIONS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'];

describe('Rules and alerts', () => {
  let rules: Rule[];
  let alertNames: Set<string>;
  before(async () => {
    rules = await allRules();
    alertNames = new Set(rules.flatMap(({ alert }) => alert ?? []));
  });
  const alerts = () => rules.filter(({ alert }) => alert !== undefined);

  it('are what promtool understands, and do what their unit tests say', async function () {
    this.timeout(180_000);
    requireClient(this, 'promtool', hasProgram('promtool'));
    const checked = await run('promtool', ['check', 'rules', ...(await ruleFiles())]);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    const files = (await readdir(UNIT_TESTS)).map((name) => join(UNIT_TESTS, name));
    const tested = await run('promtool', ['test', 'rules', ...files], { timeoutMs: 170_000 });
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
  });

  it('have a unit test each in which they fire', async () => {
    const files = await readdir(UNIT_TESTS);
    const tests = await Promise.all(files.map((name) => readFile(join(UNIT_TESTS, name), 'utf8')));
    for (const name of alertNames)
      assert.ok(
        tests.some((text) => text.includes(`runbook_url: docs/runbooks/${name}.md`)),
        name,
      );
  });

  it('ask only for metrics that some role has, or that a rule records', async () => {
    const known = new Set(['up', ...rules.flatMap(({ record }) => record ?? [])]);
    const all = registries();
    for (const role of ROLES)
      for (const { name } of await all[role].getMetricsAsJSON())
        for (const suffix of ['', '_bucket', '_count', '_sum']) known.add(name + suffix);
    for (const { expr } of rules)
      for (const metric of metricsIn(expr)) assert.ok(known.has(metric), `${metric} in ${expr}`);
  });

  it('are recorded under level:metric:operations', () => {
    for (const { record } of rules)
      if (record !== undefined) assert.match(record, /^namespace:piing_[a-z_]+:[a-z]+_rate\d+[mhd]$/);
  });

  it('say how severe they are, what is the matter, and where to read on', () => {
    for (const { alert, labels, annotations } of alerts()) {
      assert.match(alert ?? '', /^Piing[A-Z][A-Za-z]+$/);
      assert.ok(['critical', 'warning'].includes(labels?.severity ?? ''), alert);
      assert.match(annotations?.summary ?? '', /^[A-Z].{10,70}[^.]$/, alert);
      assert.match(annotations?.description ?? '', /\.$/, alert);
      assert.equal(annotations?.runbook_url, `${RUNBOOKS}/${alert}.md`);
    }
  });

  it('have a runbook each, and each runbook has its alert', async () => {
    const pages = (await readdir(RUNBOOKS)).filter((name) => name !== 'README.md');
    assert.deepEqual(pages.sort(), [...alertNames].map((name) => `${name}.md`).sort());
    const index = await readFile(join(RUNBOOKS, 'README.md'), 'utf8');
    for (const page of pages) {
      const text = await readFile(join(RUNBOOKS, page), 'utf8');
      assert.equal(text.split('\n')[0], `# ${page.slice(0, -3)}`);
      assert.deepEqual(
        [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title),
        SECTIONS,
        page,
      );
      assert.ok(index.includes(`](${page})`), `${page} is not in the index`);
      for (const [, link] of text.matchAll(/\]\((\w+\.md)\)/g)) assert.ok(pages.includes(link ?? ''), link);
    }
  });
});
