import { hostname } from 'node:os';
import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type Span as SpanOfApi,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Span, SpanOptions, Traces, TracesOptions } from './spans.ts';

/** Spans leave this long after they ended, in milliseconds. */
const BATCH_MS = 1_000;
/** Longest wait for the collector, also when the process ends. Uploads never wait for it. */
const EXPORT_TIMEOUT_MS = 5_000;

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Sends traces by OTLP/HTTP as JSON. Headers, as for a token, come from `OTEL_EXPORTER_OTLP_HEADERS`. */
export function openOtlpTraces(options: TracesOptions & { readonly endpoint: string }): Traces {
  const { endpoint, ratio, role, version, onError } = options;
  // The one place where the library tells of a collector that does not answer.
  const report = (message: string) => onError(new Error(message));
  const silent = () => undefined;
  diag.setLogger(
    { error: report, warn: report, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'piing',
      'service.name': `piing-${role}`,
      'service.version': version,
      'service.instance.id': hostname(),
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: BATCH_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('piing-gateway', version);
  const begin = (name: string, { parent, kind, attributes, startedAt }: SpanOptions = {}) =>
    spanOf(
      tracer.startSpan(
        name,
        {
          kind: kind ? KINDS[kind] : SpanKind.INTERNAL,
          ...(attributes && { attributes }),
          ...(startedAt && { startTime: startedAt }),
        },
        contextOf(parent),
      ),
    );
  return {
    begin,
    close: () => provider.shutdown().catch((error: Error) => onError(error)),
  };
}

function spanOf(span: SpanOfApi): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    logFields: { trace_id: traceId, span_id: spanId },
    set: (attributes) => void span.setAttributes(attributes),
    end: (error) => {
      if (error !== undefined) {
        const message = error instanceof Error ? error.message : String(error);
        span.setStatus({ code: SpanStatusCode.ERROR, message });
      }
      span.end();
    },
  };
}

/** What this project itself wrote (https://www.w3.org/TR/trace-context/); anything else begins a new trace. */
function contextOf(parent: Span | string | undefined): Context {
  const text = typeof parent === 'string' ? parent : parent?.traceparent;
  const [, traceId, spanId, flags] = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text ?? '') ?? [];
  if (!traceId || !spanId || !flags) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const context: SpanContext = { traceId, spanId, traceFlags, isRemote: typeof parent === 'string' };
  return trace.setSpanContext(ROOT_CONTEXT, context);
}
