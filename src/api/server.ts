import { randomUUID } from 'node:crypto';
import { type AddressInfo, isIPv6 } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { listenOn } from '../support/listen.ts';
import type { ApiOptions } from './api-options.ts';
import { requireAccess } from './authentication.ts';
import { answerClientError, answerProblem, answerRaw, problemOf } from './error-answers.ts';
import { guardPorts } from './guarded-ports.ts';
import { Lifecycle } from './lifecycle.ts';
import { logRequests, observeRequest } from './request-log.ts';
import { schemaRoutes } from './schema-routes.ts';
import { tokenRoute } from './token-route.ts';
import { refuseOtherMethods, refuseUnknownRoutes } from './unknown-routes.ts';
import { handleUnreadBodies } from './unread-body.ts';
import { uploadListRoute } from './upload-list-route.ts';
import { uploadRoute } from './upload-route.ts';
import { uploadStatusRoutes } from './upload-status-routes.ts';

export type { ApiOptions } from './api-options.ts';

export interface ApiServer {
  /** Where clients on this machine reach it, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops accepting, lets requests finish for up to `graceMs`, then abandons open uploads with 503.
   * Resolves when every connection is gone and every upload is decided.
   */
  close(graceMs: number): Promise<void>;
}

const PREFIX = '/api/external';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HEADERS_TIMEOUT_MS = 20 * SECOND;
/** The largest file over a slow line: 100 MB in half an hour is 470 kbit/s. */
const REQUEST_TIMEOUT_MS = 30 * MINUTE;
/** Longer than the 60 s after which common load balancers drop idle connections, so that they are the first. */
const KEEP_ALIVE_MS = 65 * SECOND;
/** Without a byte in either direction. */
const IDLE_TIMEOUT_MS = 5 * MINUTE;
const TIMEOUT_CHECK_MS = 5 * SECOND;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** An upload id has 36 characters, a schema type at most 63. */
const MAX_PARAM_LENGTH = 100;
/** For bodies that are not files. */
const MAX_BODY_BYTES = 16 * 1024;

/**
 * Serves the upload API under `/api/external`.
 * @throws {StartupError} when the port cannot be opened
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const lifecycle = new Lifecycle();
  const app = createApp(options);
  const nameOtherMethods = refuseOtherMethods(app);
  await app.register(async (api) => addRoutes(api, { ...options, ...guardPorts(options) }, lifecycle), {
    prefix: PREFIX,
  });
  nameOtherMethods();
  await app.ready();
  try {
    await listenOn(app.server, options.port, options.host, 'PIING_HTTP_PORT');
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(options.host) ? `[${options.host}]` : options.host}:${port}`,
    port,
    close: (graceMs) => lifecycle.drain(app.server, () => app.close(), graceMs),
  };
}

function createApp({ logger, trustedProxies = [] }: ApiOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = logger;
  const app: FastifyInstance = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomUUID(),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    // While draining, requests on open connections are still answered: the drain decides what is refused.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      observeRequest(request, reply);
      answerRaw(reply.raw, problemOf(error), request.raw.url);
    },
    clientErrorHandler: answerClientError,
  });
  app.server.maxHeadersCount = MAX_HEADERS;
  app.decorateRequest('access', null);
  app.setErrorHandler(answerProblem);
  logRequests(app);
  refuseUnknownRoutes(app);
  handleUnreadBodies(app);
  return app;
}

/** Tokens are for everybody; all other routes are for the clients that hold one. */
async function addRoutes(api: FastifyInstance, options: ApiOptions, lifecycle: Lifecycle): Promise<void> {
  await api.register(async (open) => tokenRoute(open, options));
  await api.register(async (closed) => {
    closed.addHook('onRequest', requireAccess(options));
    uploadStatusRoutes(closed, options);
    uploadListRoute(closed, options);
    schemaRoutes(closed, options.catalogue);
    // Reads multipart and nothing else, so it keeps to itself.
    await closed.register(async (uploads) => uploadRoute(uploads, options, lifecycle));
  });
}
