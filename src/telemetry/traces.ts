import type { Span, SpanOptions, Traces, TracesOptions } from './spans.ts';

export type { Span, SpanOptions, Traces } from './spans.ts';

const NO_SPAN: Span = { traceparent: undefined, logFields: {}, set: () => undefined, end: () => undefined };

/** The default: nothing is recorded and nothing is loaded. */
export const noTraces: Traces = { begin: () => NO_SPAN, close: async () => undefined };

export async function openTraces({ endpoint, ...options }: TracesOptions): Promise<Traces> {
  if (endpoint === undefined) return noTraces;
  // Loaded on demand: 60 ms and 10 MB that nobody pays who does not collect traces.
  const { openOtlpTraces } = await import('./otlp-traces.ts');
  return openOtlpTraces({ endpoint, ...options });
}

/** Runs a step as a span that ends with it. */
export async function inSpan<Result>(
  traces: Traces,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const span = traces.begin(name, options);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
