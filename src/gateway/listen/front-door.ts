import { createServer, type Server, type Socket } from 'node:net';
import { isWithin, plainAddress } from '../../support/addresses.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { LimitReport } from '../limit-report.ts';
import type { LimitName, SftpLimits } from '../limits.ts';
import { Admission, type Visit } from './admission.ts';
import { withLargeReads } from './large-reads.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/** A peer whose first bytes are SSH's, as far as is known. */
export interface Visitor {
  readonly socket: Socket;
  /** The client's own address, also behind a proxy. */
  readonly address: string;
  readonly visit: Visit;
  /** Ends the time that a stranger has. */
  loggedIn(): void;
}

export interface FrontDoorOptions {
  readonly limits: SftpLimits;
  /** CIDR ranges of load balancers that speak the PROXY protocol. */
  readonly proxyRanges: readonly string[];
  readonly report: LimitReport;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Takes the socket over. */
  readonly onVisitor: (visitor: Visitor) => void;
}

/** How long a silent peer has to be gone to be found out: the first probe, in milliseconds. */
const TCP_KEEPALIVE_MS = 60_000;

/** Accepts TCP connections, finds out who is there, and lets in those for whom there is room. */
export function createFrontDoor(options: FrontDoorOptions): Server {
  const admission = new Admission(options.limits);
  return createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS, pauseOnConnect: true },
    (accepted) => {
      const { socket, share } = withLargeReads(accepted);
      const { visit, refused } = admission.arrive();
      const fate: Fate = { outcome: 'silent' };
      socket.on('error', (error) => options.logger.debug({ reason: error.message }, 'socket error'));
      socket.once('close', () => {
        visit.leave();
        options.metrics.sftpConnections.inc({ outcome: fate.outcome });
      });
      if (refused) return turnAway(options, fate, socket, refused);
      welcome(options, fate, socket, visit, share).catch((error: Error) => {
        options.logger.debug({ reason: error.message }, 'connection given up');
        socket.destroy();
      });
    },
  );
}

/** How far a connection came. */
interface Fate {
  outcome: 'silent' | 'turned_away' | 'not_logged_in' | 'logged_in';
}

async function welcome(
  options: FrontDoorOptions,
  fate: Fate,
  socket: Socket,
  visit: Visit,
  share: () => void,
): Promise<void> {
  const { limits, report, metrics } = options;
  const peer = plainAddress(socket.remoteAddress ?? 'unknown');
  const logger = () => options.logger.child({ remoteAddress: peer });
  let headerBytes = 0;
  // ssh2 has no limit of its own on the time from connect to login.
  const timer = setTimeout(() => {
    report.met('login-time', logger());
    socket.destroy();
  }, limits.loginMs);
  // Before the listener that counts the fate.
  socket.prependOnceListener('close', () => {
    clearTimeout(timer);
    if (socket.bytesRead > headerBytes) {
      if (fate.outcome === 'silent') fate.outcome = 'not_logged_in';
      return;
    }
    metrics.sftpProbes.inc();
    logger().debug('closed without a byte');
  });
  let address = peer;
  if (isWithin(peer, options.proxyRanges)) {
    const header = await readProxyHeader(socket).catch((error: Error) => {
      if (socket.bytesRead > 0) logger().warn({ reason: error.message }, 'PROXY header refused');
      throw error;
    });
    headerBytes = header.length;
    address = plainAddress(header.address ?? peer);
  }
  if (socket.destroyed) return;
  const refused = visit.from(address);
  if (refused) return turnAway(options, fate, socket, refused, address);
  sendOncePerTick(socket);
  options.onVisitor({
    socket,
    address,
    visit,
    loggedIn: () => {
      fate.outcome = 'logged_in';
      clearTimeout(timer);
      share();
    },
  });
}

/** RFC 4253, 4.2 lets a server say lines before its version: clients show them, or at least log them. */
function turnAway(
  { report, logger }: FrontDoorOptions,
  fate: Fate,
  socket: Socket,
  limit: LimitName,
  remoteAddress = plainAddress(socket.remoteAddress ?? 'unknown'),
): void {
  fate.outcome = 'turned_away';
  report.met(limit, logger.child({ remoteAddress }));
  socket.on('data', () => undefined);
  socket.end('Too many connections. Try again later.\r\n');
  setTimeout(() => socket.destroy(), 1_000).unref();
}

/** ssh2 writes a packet in three pieces; each would be a system call and, without Nagle, a segment. */
function sendOncePerTick(socket: Socket): void {
  let corked = false;
  const write = socket.write.bind(socket) as Socket['write'];
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = ((...args: Parameters<Socket['write']>) => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    return write(...args);
  }) as Socket['write'];
}
