import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATA_SOURCE, type PanelSpec, panel } from './panel.ts';

export interface BoardSpec {
  /** Also the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly PanelSpec[] }[];
  /** Beside the data source and the namespace: a label and the metric that has it. */
  readonly variables?: readonly { readonly label: string; readonly metric: string }[];
  /** Of what is shown first. */
  readonly from?: string;
}

/** A dashboard whose data source and namespaces are chosen at its top, with links to the others. */
export function board(spec: BoardSpec): Dashboard {
  const { uid, title, description, rows, variables = [], from = 'now-6h' } = spec;
  const builder = new DashboardBuilder(`Piing Gateway / ${title}`)
    .uid(uid)
    .description(description)
    .tags(['piing-gateway'])
    .time({ from, to: 'now' })
    .refresh('1m')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Piing Gateway')
        .type(DashboardLinkType.Dashboards)
        .tags(['piing-gateway'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(labelVariable('namespace', 'piing_build_info'));
  for (const { label, metric } of variables)
    builder.withVariable(labelVariable(label, `${metric}{namespace=~"$namespace"}`));
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const each of row.panels) builder.withPanel(panel(each));
  }
  return builder.build();
}

/** All by default, and as `.*`: a Prometheus outside Kubernetes has no label `namespace`. */
function labelVariable(label: string, metric: string): QueryVariableBuilder {
  return new QueryVariableBuilder(label)
    .label(`${label[0]?.toUpperCase()}${label.slice(1)}`)
    .datasource(DATA_SOURCE)
    .query(`label_values(${metric}, ${label})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
