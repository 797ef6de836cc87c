import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface PanelSpec {
  readonly title: string;
  /** What it shows, and what to think of it. */
  readonly description: string;
  /** Of Grafana: `s`, `bytes`, `Bps`, `percentunit`, `ops`, `short`, … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** `number`: one figure for what is shown; `stacked`: parts of a whole. Default: lines. */
  readonly look?: 'number' | 'stacked' | 'lines';
  /** Of 24. */
  readonly width?: number;
  /** Where green ends, and what comes after. A list that begins with red is good from a value on. */
  readonly thresholds?: readonly Threshold[];
  readonly decimals?: number;
}

const LINES_HEIGHT = 8;
const NUMBER_HEIGHT = 5;

export function panel(spec: PanelSpec): Builder<Panel> {
  return spec.look === 'number' ? number(spec) : lines(spec);
}

function number({
  title,
  description,
  unit,
  queries,
  width = 6,
  thresholds,
  decimals,
}: PanelSpec): StatBuilder {
  const builder = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .unit(unit)
    .height(NUMBER_HEIGHT)
    .span(width)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(levels(thresholds ?? [{ value: null, color: 'text' }]));
  if (decimals !== undefined) builder.decimals(decimals);
  for (const query of queries) builder.withTarget(target(query).instant());
  return builder;
}

function lines({
  title,
  description,
  unit,
  queries,
  look,
  width = 12,
  thresholds,
}: PanelSpec): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .datasource(DATA_SOURCE)
    .unit(unit)
    .min(0)
    .height(LINES_HEIGHT)
    .span(width)
    .fillOpacity(look === 'stacked' ? 30 : 5)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (look === 'stacked') builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (thresholds)
    builder
      .thresholds(levels(thresholds))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  for (const query of queries) builder.withTarget(target(query).range());
  return builder;
}

const levels = (steps: readonly Threshold[]) =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]);

const target = ({ expr, legend }: Query) =>
  new DataqueryBuilder().datasource(DATA_SOURCE).expr(expr).legendFormat(legend);
