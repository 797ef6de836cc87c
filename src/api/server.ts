import { randomUUID } from 'node:crypto';
import { type AddressInfo, isIPv6 } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { listenOn } from '../support/listen.ts';
import type { ApiOptions } from './api-options.ts';
import { boundConnections } from './connections.ts';
import { allowOrigins } from './cross-origin.ts';
import { answerClientError, answerProblem, answerRaw, problemOf } from './error-answers.ts';
import { guardPorts } from './guarded-ports.ts';
import { Lifecycle } from './lifecycle.ts';
import { describeApi } from './openapi/document.ts';
import { pageRoutes } from './page/page-routes.ts';
import { explainParameterFault, VALIDATION } from './parameter-faults.ts';
import { limitRates } from './rate-limits.ts';
import { logRequests, observeRequest } from './request-log.ts';
import { addRoutes } from './routes.ts';
import { expectSmallBodies } from './small-bodies.ts';
import { refuseOtherMethods, refuseUnknownRoutes } from './unknown-routes.ts';
import { handleUnreadBodies } from './unread-body.ts';

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

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HEADERS_TIMEOUT_MS = 20 * SECOND;
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
 * Serves the upload API under `/api/external`, and what describes it beside.
 * @throws {StartupError} when the port cannot be opened
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const lifecycle = new Lifecycle();
  const app = await createApp(options, lifecycle);
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

async function createApp(options: ApiOptions, lifecycle: Lifecycle): Promise<FastifyInstance> {
  const app = bareApp(options);
  app.decorateRequest('access', null);
  app.setErrorHandler(answerProblem);
  boundConnections(app, options);
  logRequests(app, options.metrics);
  expectSmallBodies(app, options);
  await allowOrigins(app, options.allowedOrigins ?? []);
  const limitCredential = await limitRates(app, options);
  refuseUnknownRoutes(app);
  handleUnreadBodies(app);
  await describeApi(app);
  const nameOtherMethods = refuseOtherMethods(app);
  const guarded = { ...options, ...guardPorts(options) };
  await pageRoutes(app, guarded);
  await addRoutes(app, { options: guarded, lifecycle, limitCredential });
  nameOtherMethods();
  await app.ready();
  return app;
}

function bareApp({ logger, metrics, limits, trustedProxies = [] }: ApiOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = logger;
  const app: FastifyInstance = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomUUID(),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    ajv: { customOptions: VALIDATION },
    schemaErrorFormatter: explainParameterFault,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    // While draining, requests on open connections are still answered: the drain decides what is refused.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      observeRequest(request, reply, metrics);
      answerRaw(reply.raw, problemOf(error), request.raw.url);
    },
    clientErrorHandler: answerClientError,
  });
  app.server.maxHeadersCount = MAX_HEADERS;
  // The schemas describe answers, and tests hold the answers against them; they are not to drop what they lack.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  return app;
}
