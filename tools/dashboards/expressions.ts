import type { Query } from './panel.ts';

/** What every selector has. */
export const NAMESPACE = 'namespace=~"$namespace"';

/** A selector of a metric, with further matchers. */
export const series = (metric: string, ...matchers: readonly string[]) =>
  `${metric}{${[NAMESPACE, ...matchers].join(', ')}}`;

/** Events a second, by the labels. */
export const rate = (by: string, metric: string, ...matchers: readonly string[]) =>
  `sum by (${by}) (rate(${series(metric, ...matchers)}[$__rate_interval]))`;

/** Quantiles of a histogram's base name, each a query. `by`: further labels that are told apart. */
export function quantiles(
  metric: string,
  shares: readonly number[],
  by = '',
  ...matchers: readonly string[]
): Query[] {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return shares.map((share) => ({
    expr: `histogram_quantile(${share}, ${rate(labels, `${metric}_bucket`, ...matchers)})`,
    legend: `p${share * 100}${
      by === ''
        ? ''
        : by
            .split(', ')
            .map((label) => ` {{${label}}}`)
            .join('')
    }`,
  }));
}
