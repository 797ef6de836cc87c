import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dashboardFiles } from '../../tools/dashboards/files.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { NAMESPACE, type Prometheus, type Sample, startPrometheus } from '../support/prometheus.ts';
import { until } from '../support/until.ts';
import { type Demo, playDemo } from './demo.ts';
import { type OperatorAtWork, startOperatorAtWork } from './operator-at-work.ts';
import { dashboards, type PanelQuery } from './panels.ts';
import { ruleFiles } from './rules.ts';

const DIRECTORY = 'charts/piing-gateway/dashboards';

describe('Dashboards', () => {
  it('are what their sources say: run npm run dashboards after a change', async () => {
    const expected = dashboardFiles();
    assert.deepEqual((await readdir(DIRECTORY)).sort(), [...expected.keys()].sort());
    for (const [name, content] of expected)
      assert.equal(await readFile(`${DIRECTORY}/${name}`, 'utf8'), content, name);
  });

  it('let the reader choose the data source and the namespaces', async () => {
    for (const { title, variables, panels } of await dashboards()) {
      assert.match(title, /^Piing Gateway \/ /);
      assert.deepEqual(variables.slice(0, 2), ['datasource', 'namespace'], title);
      for (const panel of panels) assert.equal(panel.dataSource, '$datasource', panel.title);
    }
  });

  it('have panels with a title of their own, a description, a unit and a legend', async () => {
    for (const { title, panels } of await dashboards()) {
      assert.ok(panels.length >= 7, title);
      assert.equal(new Set(panels.map((panel) => panel.title)).size, panels.length, title);
      for (const panel of panels) {
        assert.match(panel.description, /^\S.{20,}\.$/, panel.title);
        assert.ok(panel.unit, panel.title);
        assert.ok(panel.queries.length > 0, panel.title);
        for (const { legend } of panel.queries) assert.ok(legend, panel.title);
      }
    }
  });

  it('ask for the chosen namespaces, and for rates over the interval that Grafana works out', async () => {
    for (const { panels } of await dashboards()) {
      for (const { expression } of panels.flatMap(({ queries }) => queries)) {
        assert.ok(expression.includes('namespace=~"$namespace"'), expression);
        for (const [, over] of expression.matchAll(/\brate\([^[]*\[([^\]]+)\]/g))
          assert.equal(over, '$__rate_interval', expression);
      }
    }
  });

  describe('on a real Prometheus, after a day of npm run demo and with an operator at work', () => {
    let demo: Demo;
    let operator: OperatorAtWork;
    let prometheus: Prometheus;
    before(async function () {
      this.timeout(1_800_000);
      requireClient(this, 'prometheus', hasProgram('prometheus'));
      operator = await startOperatorAtWork();
      demo = await playDemo({ paceSeconds: 10 }, async (metricsAddress) => {
        prometheus = await startPrometheus(
          [{ address: metricsAddress }, { address: operator.metricsAddress }],
          await ruleFiles(),
        );
        await prometheus.scraped();
        await operator.work();
      });
      await prometheus.scraped();
    });
    after(async () => {
      await prometheus?.stop();
      await demo?.stop();
      await operator?.close();
    });

    it('show data in every panel', async function () {
      this.timeout(60_000);
      const empty: string[] = [];
      for (const { title, panels } of await dashboards()) {
        for (const panel of panels) {
          for (const query of panel.queries) {
            const found = (await prometheus.query(filledIn(query))).filter(({ value }) =>
              Number.isFinite(value),
            );
            if (process.env.SHOW_PANELS)
              process.stdout.write(
                `${title} | ${panel.title} | ${found.length} series | ${shown(found[0])}\n`,
              );
            if (found.length === 0) empty.push(`${title}, ${panel.title}: ${query.expression}`);
          }
        }
      }
      assert.deepEqual(empty, []);
    });

    it('show what the demo did', async () => {
      const one = async (expression: string) => {
        const found = await prometheus.query(expression);
        return found.reduce((sum, { value }) => sum + value, 0);
      };
      const { received, abandoned, statuses, rowsLoaded } = demo.told;
      assert.equal(await one('piing_acknowledgements_total{result="acknowledged"}'), received);
      assert.equal(await one('piing_uploads_total{outcome="received"}'), received);
      assert.equal(await one('piing_uploads_total{outcome=~"refused|abandoned"}'), abandoned);
      for (const [status, count] of statuses)
        assert.equal(await one(`piing_processed_uploads_total{status="${status}"}`), count, status);
      assert.equal(await one('piing_rows_total{outcome="loaded"}'), rowsLoaded);
      assert.equal(await one('piing_organization_rows_total{outcome="loaded"}'), rowsLoaded);
      assert.equal(await one('piing_processing_started_total'), received);
      assert.equal(await one('piing_upload_latency_seconds_count'), received);
      assert.equal(await one('piing_logins_total{result="denied"}'), 1);
      // The queue is counted every 5 s.
      for (const gauge of ['piing_uploads_in_progress', 'piing_processing_in_progress', 'piing_jobs'])
        await until(async () => (await one(gauge)) === 0 || undefined, 15_000);
    });
  });
});

/** What Grafana would ask for now, for a range of five minutes. */
function filledIn({ expression }: PanelQuery): string {
  const values: Record<string, string> = {
    $__rate_interval: '2m',
    $__range: '5m',
    $namespace: NAMESPACE,
    $organization: '.*',
  };
  return expression.replace(/\$\w+/g, (name) => values[name] ?? assert.fail(`what is ${name}?`));
}

function shown(sample: Sample | undefined): string {
  if (!sample) return 'no data';
  const labels = Object.entries(sample.metric).map(([label, value]) => `${label}=${value}`);
  return `{${labels.join(', ')}} ${Number(sample.value.toPrecision(4))}`;
}
