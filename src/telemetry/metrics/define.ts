import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From a hundredth of a second to the five minutes within which a tenant is told what became of a file. */
export const SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900];
/** For what takes milliseconds when all is well. */
export const SHORT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * The labels of a metric with their known values. When every label has some, each combination starts at 0: a counter
 * that first appears at 1 hides its first increment from `rate()`. An empty list: values that are met on the way.
 */
type Labels<Label extends string> = Readonly<Record<Label, readonly string[]>>;

/** Makes the metrics of one stage; those of a stage that the process does not have are counted but never shown. */
export interface Definer {
  counter<Label extends string = never>(name: string, help: string, labels?: Labels<Label>): Counter<Label>;
  gauge<Label extends string = never>(name: string, help: string, labels?: Labels<Label>): Gauge<Label>;
  histogram<Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: Labels<Label>,
  ): Histogram<Label>;
}

export function definer(registry: Registry, isShown: boolean): Definer {
  const registers = isShown ? [registry] : [];
  return {
    counter: (name, help, labels = none()) => {
      const counter = new Counter({ name, help, labelNames: namesOf(labels), registers });
      for (const series of combinations(labels)) counter.inc(series, 0);
      return counter;
    },
    gauge: (name, help, labels = none()) => {
      const gauge = new Gauge({ name, help, labelNames: namesOf(labels), registers });
      for (const series of combinations(labels)) gauge.set(series, 0);
      return gauge;
    },
    histogram: (name, help, buckets, labels = none()) => {
      const options = { name, help, labelNames: namesOf(labels), buckets: [...buckets], registers };
      const histogram = new Histogram(options);
      for (const series of combinations(labels)) histogram.zero(series);
      return histogram;
    },
  };
}

const none = <Label extends string>() => ({}) as Labels<Label>;
const namesOf = <Label extends string>(labels: Labels<Label>) => Object.keys(labels) as Label[];

function combinations<Label extends string>(labels: Labels<Label>): Partial<Record<Label, string>>[] {
  const entries = Object.entries(labels) as [Label, readonly string[]][];
  if (entries.length === 0) return [];
  return entries.reduce<Partial<Record<Label, string>>[]>(
    (found, [label, values]) =>
      found.flatMap((series) => values.map((value) => ({ ...series, [label]: value }))),
    [{}],
  );
}
