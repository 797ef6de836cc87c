import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text, uint32 } from './raw-sftp.ts';

export const SSH_MESSAGE = {
  DISCONNECT: 1,
  IGNORE: 2,
  KEXINIT: 20,
  KEX_ECDH_INIT: 30,
  KEX_ECDH_REPLY: 31,
} as const;

/** What KEXINIT offers, in its order (RFC 4253, 7.1). */
const LISTS = [
  'kex',
  'serverHostKey',
  ...[
    'cipherToServer',
    'cipherToClient',
    'macToServer',
    'macToClient',
    'compressToServer',
    'compressToClient',
  ],
] as const;
type Offer = Readonly<Record<(typeof LISTS)[number], readonly string[]>>;

/** A packet as it is sent before keys are exchanged. */
export function plainPacket(payload: Buffer): Buffer {
  const padding = 8 + ((8 - ((payload.length + 5 + 8) % 8)) % 8);
  const length = uint32(payload.length + padding + 1);
  return Buffer.concat([length, Buffer.from([padding]), payload, Buffer.alloc(padding)]);
}

/** KEXINIT with one name in each list but those given. */
export function kexInit(lists: { readonly kex: string; readonly guessFollows?: boolean }): Buffer {
  const mac = 'hmac-sha2-256-etm@openssh.com';
  const cipher = 'aes256-gcm@openssh.com';
  return Buffer.concat([
    Buffer.from([SSH_MESSAGE.KEXINIT]),
    randomBytes(16),
    ...[lists.kex, 'ssh-ed25519', cipher, cipher, mac, mac, 'none', 'none', '', ''].map(text),
    Buffer.from([lists.guessFollows ? 1 : 0, 0, 0, 0, 0]),
  ]);
}

/** Speaks SSH by hand as far as it goes without encryption. */
export class RawSsh {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
    });
  }

  static async connect(port: number, ident = 'SSH-2.0-raw'): Promise<RawSsh> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawSsh(socket);
    await once(socket, 'connect');
    socket.write(`${ident}\r\n`);
    await client.#until(() => client.#received.includes('\r\n'));
    client.#received = client.#received.subarray(client.#received.indexOf('\r\n') + 2);
    return client;
  }

  send(payload: Buffer): void {
    this.#socket.write(plainPacket(payload));
  }

  /** The payload of the next packet; undefined when the server has closed. */
  async receive(): Promise<Buffer | undefined> {
    const complete = () =>
      this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readUInt32BE(0);
    if (!(await this.#until(complete))) return undefined;
    const length = this.#received.readUInt32BE(0);
    const payload = this.#received.subarray(5, 4 + length - (this.#received[4] ?? 0));
    this.#received = this.#received.subarray(4 + length);
    return payload;
  }

  /** What the server offers. */
  async offer(): Promise<Offer> {
    const packet = await this.receive();
    if (packet?.[0] !== SSH_MESSAGE.KEXINIT) throw new Error('The server did not begin with KEXINIT.');
    let at = 17;
    const lists = LISTS.map((name) => {
      const length = packet.readUInt32BE(at);
      at += 4 + length;
      return [name, packet.toString('latin1', at - length, at).split(',')] as const;
    });
    return Object.fromEntries(lists) as unknown as Offer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(condition: () => boolean): Promise<boolean> {
    while (!condition()) {
      if (this.#socket.destroyed || this.#socket.readableEnded) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return true;
  }
}
