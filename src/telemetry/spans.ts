/** A step of the way of one upload, with its begin and its end. */
export interface Span {
  /** W3C `traceparent`, for whoever goes on with this trace; undefined when there are no traces. */
  readonly traceparent: string | undefined;
  /** What finds the trace from a line of a log, in the names that OpenTelemetry gives them. Empty without traces. */
  readonly logFields: { readonly trace_id?: string; readonly span_id?: string };
  set(attributes: Attributes): void;
  /** Call once. With an error the span has failed. */
  end(error?: unknown): void;
}

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** The step that this one is part of, or the `traceparent` that it left. Without one a trace begins. */
  readonly parent?: Span | string | undefined;
  /** `server`: asked by a client; `producer`, `consumer`: the two ends of the queue. Default: none of these. */
  readonly kind?: 'server' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** When it began, if that is over. */
  readonly startedAt?: Date;
}

/** Tells the steps of uploads to whoever collects them. */
export interface Traces {
  begin(name: string, options?: SpanOptions): Span;
  /** Sends what waits. Never rejects. */
  close(): Promise<void>;
}

export interface TracesOptions {
  /** Where OTLP/HTTP takes traces, such as `http://collector:4318/v1/traces`. Undefined: no traces. */
  readonly endpoint: string | undefined;
  /** Share of the uploads that are traced, 0 to 1. */
  readonly ratio: number;
  readonly role: string;
  readonly version: string;
  readonly onError: (error: Error) => void;
}
