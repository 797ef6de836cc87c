import { type AddressInfo, createServer, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { Refusal } from '../intake/refusal.ts';
import { listenOn } from '../support/listen.ts';
import { refuseSsh2Addon } from './addon-guard.ts';
import { ALGORITHMS } from './algorithms.ts';
import { Connection } from './connection.ts';
import type { GatewayOptions } from './gateway-options.ts';

export interface Gateway {
  readonly port: number;
  /**
   * Stops accepting, refuses new files, lets open ones finish for up to `graceMs`, then ends what is left.
   * Resolves when every connection is gone and nothing that it left is undecided.
   */
  close(graceMs: number): Promise<void>;
}

/** From TCP connect to login. */
const LOGIN_TIMEOUT_MS = 20_000;
const DRAIN_POLL_MS = 100;
/** After a disconnect message, how long a peer may take to close its side. */
const CLOSE_PATIENCE_MS = 1_000;
/** How long cleaning up after the last connections may take. */
const ABANDON_PATIENCE_MS = 10_000;

/** Serves SFTP: every connection is a tenant's session on the virtual tree of its schema types. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  refuseSsh2Addon();
  const connections = new Map<Connection, Socket>();
  const loginTimers = new WeakMap<Socket, NodeJS.Timeout>();
  let draining = false;

  const ssh = new ssh2.Server({
    hostKeys: options.hostKeys.map((key) => key.privateKey),
    algorithms: ALGORITHMS,
    ident: 'PiingGateway',
  });
  // ssh2 announces a connection when its first line has come, and names the peer instead of the socket.
  const arrived = new Map<string, Socket>();
  ssh.on('connection', (client, info) => {
    const socket = arrived.get(`${info.ip}:${info.port}`);
    if (socket)
      track(
        new Connection(client, socket, {
          ...options,
          isDraining: () => draining,
          onLogin: () => clearTimeout(loginTimers.get(socket)),
        }),
        socket,
      );
    else client.end();
  });

  const track = (connection: Connection, socket: Socket) => {
    connections.set(connection, socket);
    options.metrics.sftpSessions.set(connections.size);
    void connection.finished().finally(() => {
      connections.delete(connection);
      options.metrics.sftpSessions.set(connections.size);
    });
  };

  const listener = createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    arrived.set(peer, socket);
    socket.on('error', (error) => options.logger.debug({ reason: error.message }, 'socket error'));
    // ssh2 has no limit of its own on the time from connect to login.
    const timer = setTimeout(() => socket.destroy(), LOGIN_TIMEOUT_MS);
    loginTimers.set(socket, timer);
    socket.once('close', () => {
      clearTimeout(timer);
      arrived.delete(peer);
    });
    ssh.injectSocket(socket);
  });
  await listenOn(listener, options.port, options.host, 'PIING_SFTP_PORT');

  const unsubscribe = options.changes.subscribe((organizationId) => {
    for (const connection of connections.keys()) {
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
      // Those that never said a word are no connections yet.
      for (const socket of arrived.values()) socket.destroy();
    },
  };
}

async function drain(connections: ReadonlyMap<Connection, Socket>, graceMs: number): Promise<void> {
  const deadline = Date.now() + graceMs;
  const reason = new Refusal('DRAINING', 'The server restarted before the file was complete. Send it again.');
  for (;;) {
    const late = Date.now() >= deadline;
    const idle = [...connections.keys()].filter((connection) => late || connection.unfinishedUploads === 0);
    for (const connection of idle) void connection.end(reason);
    if (late || connections.size === 0) break;
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
  const rest = [...connections];
  const patience = setTimeout(() => {
    for (const [, socket] of rest) socket.destroy();
  }, CLOSE_PATIENCE_MS);
  // An upload that waits for a store that hangs is left to the sweeper rather than waited for without end.
  const givenUp = new Promise<void>((resolve) => setTimeout(resolve, ABANDON_PATIENCE_MS).unref());
  await Promise.race([Promise.all(rest.map(([connection]) => connection.finished())), givenUp]);
  clearTimeout(patience);
}
