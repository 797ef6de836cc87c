import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIRECTORY = 'charts/piing-gateway/dashboards';

export interface PanelQuery {
  readonly expression: string;
  readonly legend: string | undefined;
}

export interface ShownPanel {
  readonly title: string;
  readonly description: string;
  readonly unit: string | undefined;
  readonly dataSource: string | undefined;
  readonly queries: readonly PanelQuery[];
}

export interface ShownDashboard {
  readonly title: string;
  readonly variables: readonly string[];
  readonly panels: readonly ShownPanel[];
}

/** As much of Grafana's JSON as is looked at here. */
interface DashboardJson {
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly PanelJson[];
}

interface PanelJson {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid?: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
}

/** The dashboards as they are shipped. */
export async function dashboards(): Promise<ShownDashboard[]> {
  const names = (await readdir(DIRECTORY)).sort();
  const files = await Promise.all(names.map((name) => readFile(join(DIRECTORY, name), 'utf8')));
  return files.map((file) => {
    const { title, templating, panels } = JSON.parse(file) as DashboardJson;
    return {
      title,
      variables: templating.list.map(({ name }) => name),
      panels: panels.filter(({ type }) => type !== 'row').map(shownPanel),
    };
  });
}

function shownPanel({ title, description, datasource, fieldConfig, targets = [] }: PanelJson): ShownPanel {
  return {
    title,
    description: description ?? '',
    unit: fieldConfig?.defaults.unit,
    dataSource: datasource?.uid,
    queries: targets.map(({ expr, legendFormat }) => ({ expression: expr, legend: legendFormat })),
  };
}
