import type { AddressInfo } from 'node:net';
import { Refusal } from '../intake/refusal.ts';
import { listenOn } from '../support/listen.ts';
import { Connection } from './connection.ts';
import type { GatewayOptions } from './gateway-options.ts';
import type { HostKey } from './host-keys.ts';
import { LimitReport } from './limit-report.ts';
import { createFrontDoor, type Visitor } from './listen/front-door.ts';
import { ClientGroups } from './session/client-groups.ts';
import { ReadAheadBudget } from './session/read-ahead.ts';
import { refuseSsh2Addon } from './ssh2/addon-guard.ts';
import { algorithmsOf } from './ssh2/algorithms.ts';
import { ssh2 } from './ssh2/index.ts';
import { withoutKeepalive } from './ssh2/messages.ts';
import { offerToOlder } from './ssh2/older-clients.ts';

export interface Gateway {
  readonly port: number;
  /**
   * Stops accepting, refuses new files, lets open ones finish for up to `graceMs`, then ends what is left.
   * Resolves when every connection is gone and nothing that it left is undecided.
   */
  close(graceMs: number): Promise<void>;
}

const DRAIN_POLL_MS = 100;
/** After a disconnect message, how long a peer may take to close its side. */
const CLOSE_PATIENCE_MS = 1_000;
/** How long cleaning up after the last connections may take. */
const ABANDON_PATIENCE_MS = 10_000;
/** How often connections are asked whether their time is up. */
const CLOCK_MS = 1_000;

/** Serves SFTP: every connection is a tenant's session on the virtual tree of its schema types. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  refuseSsh2Addon();
  withoutKeepalive();
  const { limits, metrics, logger } = options;
  const connections = new Set<Connection>();
  const report = new LimitReport(metrics);
  const budget = new ReadAheadBudget(limits.bufferBytes);
  const groups = new ClientGroups(limits.rememberedFiles);
  let draining = false;

  const ssh = new ssh2.Server({
    hostKeys: firstOfEachType(options.hostKeys).map((key) => key.privateKey),
    algorithms: algorithmsOf(options.algorithms),
    ident: 'PiingGateway',
  });
  // ssh2 announces a connection when its first line has come, and names the peer instead of the socket.
  const visitors = new Map<string, Visitor>();
  ssh.on('connection', (client, info) => {
    const visitor = visitors.get(`${info.ip}:${info.port}`);
    if (!visitor) return void client.end();
    offerToOlder(client, info.header.versions.software);
    const connection = new Connection(client, visitor, {
      ...options,
      report,
      budget,
      groups,
      isDraining: () => draining,
    });
    connections.add(connection);
    metrics.sftpSessions.set(connections.size);
    void connection.finished().finally(() => {
      connections.delete(connection);
      metrics.sftpSessions.set(connections.size);
    });
  });

  const listener = createFrontDoor({
    limits,
    proxyRanges: options.proxyRanges,
    report,
    logger,
    metrics,
    onVisitor: (visitor) => {
      const { socket } = visitor;
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      visitors.set(peer, visitor);
      socket.once('close', () => visitors.delete(peer));
      ssh.injectSocket(socket);
    },
  });
  await listenOn(listener, options.port, options.host, 'PIING_SFTP_PORT');

  const clock = setInterval(() => {
    metrics.sftpBufferedBytes.set(budget.total);
    const now = performance.now();
    for (const connection of connections) connection.checkTime(now);
  }, CLOCK_MS);
  const unsubscribe = options.changes.subscribe((organizationId) => {
    for (const connection of connections) {
      if (organizationId === undefined || connection.organizationId === organizationId)
        void connection.recheck();
    }
  });

  return {
    port: (listener.address() as AddressInfo).port,
    close: async (graceMs) => {
      draining = true;
      unsubscribe();
      listener.close();
      await drain(connections, graceMs);
      clearInterval(clock);
      // Those that never said a word are no connections yet.
      for (const { socket } of visitors.values()) socket.destroy();
    },
  };
}

/** The others are announced only, so that clients know the next key before it is served (docs/guides/host-keys.md). */
function firstOfEachType(keys: readonly HostKey[]): HostKey[] {
  return keys.filter((key, index) => keys.findIndex(({ type }) => type === key.type) === index);
}

async function drain(connections: ReadonlySet<Connection>, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  const reason = new Refusal('DRAINING', 'The server restarted before the file was complete. Send it again.');
  for (;;) {
    const late = performance.now() >= deadline;
    const idle = [...connections].filter((connection) => late || connection.unfinishedUploads === 0);
    for (const connection of idle) void connection.end(reason);
    if (late || connections.size === 0) break;
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
  const rest = [...connections];
  const patience = setTimeout(() => {
    for (const connection of rest) connection.destroy();
  }, CLOSE_PATIENCE_MS);
  // An upload that waits for a store that hangs is left to the sweeper rather than waited for without end.
  const givenUp = new Promise<void>((resolve) => setTimeout(resolve, ABANDON_PATIENCE_MS).unref());
  await Promise.race([Promise.all(rest.map((connection) => connection.finished())), givenUp]);
  clearTimeout(patience);
}
