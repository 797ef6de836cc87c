import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isWithin, networkOf, plainAddress } from '../support/addresses.ts';
import type { ApiOptions } from './api-options.ts';
import { answerOnSocket } from './error-answers.ts';
import type { HttpLimitName } from './limits.ts';
import { Places } from './places.ts';
import { Problem } from './problems.ts';

/** One line a second is enough to see it: a flood must not become a flood of lines. */
const LINE_INTERVAL_MS = 1_000;
/** For a peer that was turned away to read why and to close its side. */
const CLOSE_PATIENCE_MS = 1_000;

type ConnectionOptions = Pick<ApiOptions, 'limits' | 'metrics' | 'logger' | 'trustedProxies'>;

/**
 * Bounds the connections of the process, and of each address those that have not carried an authenticated request:
 * a stranger who only connects cannot take every place. Trusted proxies are not strangers: all clients come from there.
 */
export function boundConnections(app: FastifyInstance, options: ConnectionOptions): void {
  const house = new House(options);
  guard(app.server, house);
  const welcome = async (request: FastifyRequest) => {
    if (request.access) house.welcome(request.raw.socket);
  };
  app.addHook('preHandler', welcome);
  // A login is authenticated only now.
  app.addHook('onSend', welcome);
}

/** Hands a connection to the HTTP server's own listener only when there is room for it: no byte of others is parsed. */
function guard(server: Server, house: House): void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (house.admits(socket)) for (const listen of listeners) listen.call(server, socket);
  });
}

/** Who is connected. */
class House {
  readonly #options: ConnectionOptions;
  #connections = 0;
  /** Those without an authenticated request so far, with what gives their network's place back. */
  readonly #strangers = new Map<Socket, () => void>();
  readonly #places: Places;
  #lastLine = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#places = new Places(Number.POSITIVE_INFINITY, options.limits.unauthenticatedPerAddress);
  }

  /** False when it was turned away. */
  admits(socket: Socket): boolean {
    const { limits, metrics, trustedProxies = [] } = this.#options;
    const address = plainAddress(socket.remoteAddress ?? 'unknown');
    if (this.#connections >= limits.connections) return this.#turnAway(socket, address, 'connections');
    if (!isWithin(address, trustedProxies)) {
      const leave = this.#places.take(networkOf(address));
      if (typeof leave === 'string') return this.#turnAway(socket, address, 'unauthenticated-per-address');
      this.#strangers.set(socket, leave);
    }
    this.#connections += 1;
    metrics.httpConnections.inc();
    socket.once('close', () => {
      this.#connections -= 1;
      metrics.httpConnections.dec();
      this.welcome(socket);
    });
    return true;
  }

  /** No stranger any more. */
  welcome(socket: Socket): void {
    this.#strangers.get(socket)?.();
    this.#strangers.delete(socket);
  }

  #turnAway(socket: Socket, remoteAddress: string, limit: HttpLimitName): false {
    const { logger, metrics } = this.#options;
    metrics.httpLimits.inc({ limit });
    const now = performance.now();
    if (now - this.#lastLine >= LINE_INTERVAL_MS) {
      this.#lastLine = now;
      logger.warn({ limit, remoteAddress }, 'HTTP connection turned away');
    }
    socket.on('error', () => undefined).on('data', () => undefined);
    answerOnSocket(
      socket,
      new Problem('SERVICE_UNAVAILABLE', 'Too many connections are open. Try again later.'),
    );
    setTimeout(() => socket.destroy(), CLOSE_PATIENCE_MS).unref();
    return false;
  }
}
