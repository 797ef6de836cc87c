import { requireSsh2File } from './edited-module.ts';
import { type SshConnection, ssh2 } from './index.ts';

/** RFC 4250, 4.2.2: why a side disconnects. */
export const DISCONNECT = {
  PROTOCOL_ERROR: 2,
  SERVICE_NOT_AVAILABLE: 7,
  BY_APPLICATION: 11,
  TOO_MANY_CONNECTIONS: 12,
} as const;

const MESSAGE = { DISCONNECT: 1, GLOBAL_REQUEST: 80 } as const;

/** The parts of ssh2's protocol object that it does not document; the version check guards them. */
interface Protocol {
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly allocStartKEX: number;
      alloc(bytes: number, whole?: boolean): Buffer;
      finalize(packet: Buffer, whole?: boolean): Buffer;
    };
  };
  readonly _kex: { readonly sessionID: Buffer } | undefined;
  readonly _handlers: {
    GLOBAL_REQUEST: (protocol: Protocol, name: string, wantReply: boolean, data: unknown) => void;
  };
  readonly _destruct: unknown;
  requestSuccess(data: Buffer): void;
}

const { sendPacket } = requireSsh2File<{
  sendPacket(protocol: Protocol, packet: Buffer, bypass?: boolean): void;
}>('lib/protocol/utils.js');

const protocolOf = (connection: SshConnection) =>
  (connection as unknown as { readonly _protocol: Protocol })._protocol;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** An SSH string: its length and its bytes. */
export const sshString = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
};

/** Ends the connection with a sentence for the person at the client; ssh2's own has an empty one. */
export function disconnect(connection: SshConnection, reason: number, sentence: string): void {
  const protocol = protocolOf(connection);
  // After a protocol error or the peer's end ssh2 cannot send any more.
  if (protocol._destruct) {
    const { write } = protocol._packetRW;
    const payload = Buffer.concat([
      Buffer.from([MESSAGE.DISCONNECT]),
      uint32(reason),
      sshString(sentence),
      sshString('en'),
    ]);
    const packet = write.alloc(payload.length, true);
    packet.set(payload, write.allocStartKEX);
    sendPacket(protocol, write.finalize(packet, true), true);
  }
  (connection as unknown as { readonly _sock: { end(): void } })._sock.end();
}

/** Sends a global request that asks for no reply. */
export function sendGlobalRequest(connection: SshConnection, name: string, data: Buffer): void {
  const protocol = protocolOf(connection);
  if (!protocol._destruct) return;
  const { write } = protocol._packetRW;
  const payload = Buffer.concat([
    Buffer.from([MESSAGE.GLOBAL_REQUEST]),
    sshString(name),
    Buffer.from([0]),
    data,
  ]);
  const at = write.allocStart;
  const packet = write.alloc(payload.length);
  packet.set(payload, at);
  sendPacket(protocol, write.finalize(packet));
}

/** Answers one kind of global request, which ssh2 would refuse. `answer` returns the reply's data, or undefined. */
export function onGlobalRequest(
  connection: SshConnection,
  name: string,
  answer: (data: Buffer, sessionId: Buffer) => Buffer | undefined,
): void {
  const protocol = protocolOf(connection);
  const otherwise = protocol._handlers.GLOBAL_REQUEST;
  protocol._handlers.GLOBAL_REQUEST = (self, requested, wantReply, data) => {
    const sessionId = protocol._kex?.sessionID;
    const reply =
      requested === name && wantReply && sessionId && Buffer.isBuffer(data)
        ? answer(data, sessionId)
        : undefined;
    if (reply) protocol.requestSuccess(reply);
    else otherwise(self, requested, wantReply, data);
  };
}

/** ssh2's keepalive would keep an idle peer busy, and takes a paused socket for a dead one. */
export function withoutKeepalive(): void {
  (ssh2.Server as unknown as { KEEPALIVE_CLIENT_INTERVAL: number }).KEEPALIVE_CLIENT_INTERVAL = 0;
}
