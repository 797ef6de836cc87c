/** The chart's values.schema.json. */
export const CHART_SCHEMA: string;
/** Settings that are set by a value of their own. */
export const BY_OTHER_VALUES: readonly string[];
/** Settings of no use in a pod. */
export const NOT_IN_PODS: readonly string[];
/** The whole file with the settings of src/settings.ts. */
export function generateChartSchema(): string;
