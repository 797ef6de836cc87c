/** The chart's README.md. */
export const CHART_README: string;
/** What it has to hold. @throws {Error} when helm-docs fails */
export function generateChartReadme(): string;
