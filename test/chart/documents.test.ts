import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART_README, generateChartReadme } from '../../tools/generate-chart-readme.mjs';
import { CHART, helm, MINIMAL_VALUES, mustHelm, render, VALUES_FILES } from '../support/helm.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';

type Schema = { readonly properties?: Readonly<Record<string, Schema>>; readonly $ref?: string };

describe('The chart', function () {
  this.timeout(60_000);

  for (const file of VALUES_FILES) {
    it(`has nothing that helm lint --strict finds: ${file}`, async () => {
      const { code, stdout, stderr } = await helm(['lint', '--strict', CHART, `--values=${file}`]);
      assert.equal(code, 0, stdout + stderr);
      assert.doesNotMatch(stdout, /\[(WARNING|ERROR)\]/);
    });
  }

  it('is of the version of the program', async () => {
    const { version, appVersion } = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8'));
    const program = JSON.parse(await readFile('package.json', 'utf8'));
    assert.deepEqual([version, appVersion], [program.version, program.version]);
  });

  it('has the README that its values make, with a sentence for each of them', async () => {
    const message = 'values.yaml or README.md.gotmpl has changed: run `npm run generate`.';
    const readme = await readFile(CHART_README, 'utf8');
    assert.equal(readme, generateChartReadme(), message);
    const rows = readme.split('\n').filter((line) => /^\| [a-z][\w.]+ \| \w+ \|/.test(line));
    assert.ok(rows.length > 100, `${rows.length} values`);
    for (const row of rows) assert.doesNotMatch(row, /\|\s*\|$/);
  });

  it('has each value of its schema in values.yaml, with its default', async () => {
    const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
    const values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'));
    const missing: string[] = [];
    const compare = (part: Schema, value: unknown, path: string) => {
      for (const [name, property] of Object.entries(part.properties ?? {})) {
        const here = (value as Record<string, unknown> | undefined)?.[name];
        if (here === undefined) missing.push(`${path}${name}`);
        else compare(property, here, `${path}${name}.`);
      }
    };
    compare(schema, values, '');
    // Helm's own.
    assert.deepEqual(missing, ['global']);
  });

  it('is packaged with the CRDs of crds/ as they are, and without its tests', async () => {
    const directory = await temporaryDirectory('package');
    await mustHelm(['package', CHART, `--destination=${directory}`]);
    const [archive] = await readdir(directory);
    const untar = await run('tar', ['-xzf', join(directory, archive ?? ''), '-C', directory]);
    assert.equal(untar.code, 0, untar.stderr);
    const packaged = join(directory, 'piing-gateway');
    for (const crd of await readdir('crds'))
      assert.equal(
        await readFile(join(packaged, 'files', 'crds', crd), 'utf8'),
        await readFile(join('crds', crd), 'utf8'),
      );
    const names = await readdir(packaged);
    assert.ok(!names.includes('ci'));
    assert.ok(names.includes('values.schema.json'));
    const unpacked = await render(MINIMAL_VALUES, { chart: packaged });
    assert.equal(unpacked.length, (await render(MINIMAL_VALUES)).length);
  });

  it('takes rules and dashboards as they are, however many there are', async () => {
    const directory = await temporaryDirectory('chart-files');
    const chart = join(directory, 'chart');
    await cp(CHART, chart, { recursive: true, dereference: true });
    const rules = (name: string) => ({
      groups: [
        {
          name,
          rules: [{ alert: 'A', expr: 'up == 0', annotations: { summary: '{{ $labels.pod }} is down' } }],
        },
      ],
    });
    for (const part of ['rules', 'dashboards']) {
      await mkdir(join(chart, part), { recursive: true });
      for (const name of await readdir(join(chart, part)))
        await writeFile(join(chart, part, name), part === 'rules' ? 'groups: []\n' : '{}');
    }
    const only = ['monitoring/prometheusrule.yaml', 'monitoring/dashboards.yaml'];
    const everything = VALUES_FILES[0] as string;
    for (const name of ['first', 'second']) {
      await writeFile(join(chart, 'rules', `z-${name}.yaml`), JSON.stringify(rules(name)));
      await writeFile(join(chart, 'dashboards', `z-${name}.json`), `{"legend": "{{pod}} ${name}"}\n`);
    }
    const objects = await render(everything, { chart, only });
    const rule = objects.find(({ kind }) => kind === 'PrometheusRule');
    assert.deepEqual(rule?.spec, { groups: [...rules('first').groups, ...rules('second').groups] });
    const dashboards = objects.filter(({ metadata }) => metadata.name.includes('-dashboard-z-'));
    assert.deepEqual(
      dashboards.map(({ metadata, data }) => [metadata.name, metadata.labels?.grafana_dashboard, data]),
      ['first', 'second'].map((name) => [
        `everything-dashboard-z-${name}`,
        '1',
        { [`z-${name}.json`]: `{"legend": "{{pod}} ${name}"}\n` },
      ]),
    );
  });

  it('renders without any rules or dashboards', async () => {
    const chart = join(await temporaryDirectory('chart-bare'), 'chart');
    const withoutThem = (source: string) => !/\/(rules|dashboards)(\/|$)/.test(source);
    await cp(CHART, chart, { recursive: true, dereference: true, filter: withoutThem });
    const kinds = (await render(VALUES_FILES[0] as string, { chart })).map(({ kind }) => kind);
    assert.ok(!kinds.includes('PrometheusRule'));
    assert.ok(!kinds.includes('ConfigMap'));
  });
});
