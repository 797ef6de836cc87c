import type { Socket } from 'node:net';
import type { Client } from 'ssh2';
import { ssh2 } from '../../../src/gateway/ssh2/index.ts';

/** The parts of ssh2's client that it does not document. */
interface Insides {
  readonly _sock: Socket;
  readonly _protocol: {
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(bytes: number): Buffer;
        finalize(packet: Buffer): Buffer;
      };
    };
    readonly _cipher: { encrypt(packet: Buffer): void };
  };
}

const insidesOf = (connection: Client) => connection as unknown as Insides;

/** A client that has exchanged keys and not logged in. */
export function encryptedConnection(
  port: number,
): Promise<{ readonly connection: Client; readonly socket: Socket }> {
  const connection = new ssh2.Client();
  return new Promise((resolve, reject) => {
    connection.on('error', reject);
    connection.once('handshake', () => resolve({ connection, socket: insidesOf(connection)._sock }));
    connection.connect({
      host: '127.0.0.1',
      port,
      username: 'piing_nobody',
      // The cheapest of what is offered.
      algorithms: { kex: ['curve25519-sha256'] },
      authHandler: () => false as never,
    });
  });
}

/** Sends any payload in a packet that is right in all other respects. */
export function sendEncrypted(connection: Client, payload: Buffer): void {
  const { _protocol: protocol, _sock: socket } = insidesOf(connection);
  if (socket.destroyed) return;
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  protocol._cipher.encrypt(write.finalize(packet));
}
