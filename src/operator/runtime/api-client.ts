import { HttpMethod, KubeConfig, RequestContext, Watch } from '@kubernetes/client-node';
import { type Dispatcher, fetch } from 'undici';
import { ApiError } from './api-error.ts';

/** Longest wait for an answer, in milliseconds: the API server gives up on its own requests after 60 s. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Bookmarks come once a minute, so a watch that is silent for this long is dead. */
const SILENT_WATCH_MS = 150_000;
/** A client certificate or CA that was replaced on disk is used after this long at the latest. */
const CONNECTIONS_MAX_AGE_MS = 600_000;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Default: application/json. */
  readonly contentType?: string;
  /** Longest wait for the answer, in milliseconds; default 30 s. */
  readonly timeoutMs?: number;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

/** Requests to the API server as JSON, without knowledge of any resource. */
export interface ApiClient {
  /** @throws {ApiError} when the server refuses */
  request<Answer>(request: ApiRequest): Promise<Answer>;
  /**
   * Resolves when the server ends the watch or the signal aborts, and rejects when it breaks.
   * @throws {ApiError} when the server refuses
   */
  watch(path: string, query: Query, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface ApiClientOptions {
  readonly config: KubeConfig;
  readonly userAgent: string;
  /** Called for every answer; code 0: there was none. */
  readonly onAnswer?: (method: string, code: number) => void;
}

export function createApiClient({ config, userAgent, onAnswer }: ApiClientOptions): ApiClient {
  const pooled = new PooledConfig(config);
  const watcher = new PatientWatch(pooled);
  const fail = (method: string, error: unknown): never => {
    const code = error instanceof ApiError ? error.code : 0;
    onAnswer?.(method, code);
    if (code === 401) pooled.forgetToken();
    throw error;
  };
  return {
    request: async <Answer>(request: ApiRequest) => {
      try {
        const { code, answer } = await send(pooled, userAgent, request);
        onAnswer?.(request.method, code);
        return answer as Answer;
      } catch (error) {
        return fail(request.method, error);
      }
    },
    watch: async (path, query, onEvent, signal) => {
      try {
        await watch(watcher, path, query, onEvent, signal);
        onAnswer?.('WATCH', 200);
      } catch (error) {
        return fail('WATCH', error);
      }
    },
  };
}

/** The same client, which writes nothing while `mayWrite` says no. */
export function guardWrites(api: ApiClient, mayWrite: () => boolean): ApiClient {
  return {
    ...api,
    request: async (request) => {
      if (request.method !== 'GET' && !mayWrite())
        throw new Error('This process does not lead any more, so nothing was written.');
      return api.request(request);
    },
  };
}

async function send(
  config: KubeConfig,
  userAgent: string,
  { method, path, query, body, contentType = 'application/json', timeoutMs = REQUEST_TIMEOUT_MS }: ApiRequest,
): Promise<{ readonly code: number; readonly answer: unknown }> {
  const url = urlOf(config, path, query);
  const context = new RequestContext(url, HttpMethod[method]);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher();
  // Not AbortSignal.timeout: that holds everything of a request in memory until the time is over.
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`The API server did not answer within ${timeoutMs} ms.`)),
    timeoutMs,
  );
  try {
    const response = await fetch(url, {
      method,
      headers: { ...context.getHeaders(), 'User-Agent': userAgent, 'Content-Type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher ? { dispatcher } : {}),
      signal: late.signal,
    });
    const text = await response.text();
    if (response.ok) return { code: response.status, answer: JSON.parse(text) };
    throw toApiError(response.status, text, response.headers.get('retry-after'));
  } finally {
    clearTimeout(timer);
  }
}

/** Errors come as a `Status` object, and from proxies in any form. */
function toApiError(code: number, text: string, retryAfter: string | null): ApiError {
  const wait = retryAfter && /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined;
  try {
    const status = JSON.parse(text) as { reason?: unknown; message?: unknown };
    if (typeof status.message === 'string')
      return new ApiError(code, String(status.reason ?? ''), status.message, wait);
  } catch {
    // Not a Status.
  }
  return new ApiError(code, '', `The API server answered ${code}: ${text.slice(0, 200)}`, wait);
}

function urlOf(config: KubeConfig, path: string, query: Query = {}): string {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('The kubeconfig has no current cluster.');
  const url = new URL(cluster.server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url.href;
}

async function watch(
  watcher: Watch,
  path: string,
  query: Query,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // `Watch` swallows what its callback throws.
  const take = (type: string, object: unknown) => {
    try {
      onEvent({ type, object });
    } catch (error) {
      reject(error as Error);
    }
  };
  const controller = await watcher.watch(path, query, take, (error: unknown) => {
    if (!error || signal.aborted) return resolve();
    const { statusCode, message } = error as { statusCode?: number; message?: string };
    reject(statusCode === undefined ? (error as Error) : new ApiError(statusCode, '', String(message)));
  });
  const abort = () => controller.abort();
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    controller.abort();
  }
}

/** `Watch` ends a watch that says nothing for 30 s, which is every quiet one. */
class PatientWatch extends Watch {
  constructor(config: KubeConfig) {
    super(config);
    Object.assign(this, { requestTimeoutMs: SILENT_WATCH_MS });
  }
}

/** `KubeConfig` opens a connection, with a TLS handshake, for every request. */
class PooledConfig extends KubeConfig {
  #connections: { readonly dispatcher: Dispatcher; readonly since: number } | undefined;

  constructor(config: KubeConfig) {
    super();
    Object.assign(this, config, { createDispatcher: this.#dispatcher.bind(this) });
  }

  /** A token that was refused is read again at once: `KubeConfig` keeps what a file said for a minute. */
  forgetToken(): void {
    const { authenticators } = new KubeConfig() as unknown as { authenticators: unknown };
    Object.assign(this, { authenticators });
  }

  /** Takes the place of a private method, which is the only door that the library leaves. */
  #dispatcher(...args: unknown[]): Dispatcher {
    const now = performance.now();
    if (!this.#connections || now - this.#connections.since > CONNECTIONS_MAX_AGE_MS) {
      const { createDispatcher } = KubeConfig.prototype as unknown as {
        createDispatcher(...args: unknown[]): Dispatcher;
      };
      this.#connections = { dispatcher: createDispatcher.apply(this, args), since: now };
    }
    return this.#connections.dispatcher;
  }
}
