import type { Client, ClientChannel, ConnectConfig } from 'ssh2';
import { ssh2 } from '../../src/gateway/ssh2/index.ts';

/** A reply as it came over the wire. */
export type Reply =
  | { readonly type: 'status'; readonly code: number; readonly message: string }
  | { readonly type: 'handle'; readonly handle: Buffer }
  | { readonly type: 'attrs'; readonly size: number; readonly mode: number }
  | {
      readonly type: 'name';
      readonly entries: readonly { readonly name: string; readonly longName: string }[];
    }
  | { readonly type: 'extended'; readonly data: Buffer };

export const FLAGS = {
  write: 0x1a,
  scp: 0x0a,
  exclusive: 0x2a,
  read: 0x01,
  append: 0x0e,
  noCreate: 0x12,
} as const;

/**
 * Speaks SFTP packet by packet, so that a test can send what well-behaved clients do not: pieces out of order,
 * requests before replies, names that are not UTF-8, nonsense.
 */
export class RawSftp {
  readonly #connection: Client;
  readonly channel: ClientChannel;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** Request ids in the order in which their replies came. */
  readonly replyOrder: number[] = [];
  readonly closed: Promise<{ readonly exitStatus: number | undefined }>;
  version: { readonly version: number; readonly extensions: readonly string[] } | undefined;
  #received = Buffer.alloc(0);
  #nextId = 1;

  constructor(connection: Client, channel: ClientChannel) {
    this.#connection = connection;
    this.channel = channel;
    channel.on('data', (data: Buffer) => this.#read(data));
    channel.on('error', () => undefined);
    let exitStatus: number | undefined;
    channel.on('exit', (code: number) => {
      exitStatus = code;
    });
    this.closed = new Promise((resolve) => {
      channel.once('close', () => resolve({ exitStatus }));
      connection.once('close', () => resolve({ exitStatus }));
    });
  }

  static async connect(config: ConnectConfig): Promise<RawSftp> {
    const connection = await connectSsh(config);
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      connection.subsys('sftp', (error, stream) => (error ? reject(error) : resolve(stream)));
    });
    const client = new RawSftp(connection, channel);
    client.sendRaw(Buffer.concat([uint32(5), Buffer.from([1]), uint32(3)]));
    while (!client.version) await new Promise((resolve) => setTimeout(resolve, 2));
    return client;
  }

  sendRaw(bytes: Buffer): void {
    this.channel.write(bytes);
  }

  /** Sends a request and does not wait; the promise is its reply. */
  request(type: number, ...fields: Buffer[]): Promise<Reply> {
    const id = this.#nextId++;
    const body = Buffer.concat([Buffer.from([type]), uint32(id), ...fields]);
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.sendRaw(Buffer.concat([uint32(body.length), body]));
    return reply;
  }

  open(path: string | Buffer, flags: number = FLAGS.write, size?: number): Promise<Reply> {
    const attributes = size === undefined ? [uint32(0)] : [uint32(1), uint64(size)];
    return this.request(3, text(path), uint32(flags), ...attributes);
  }

  async openHandle(path: string, flags?: number, size?: number): Promise<Buffer> {
    const reply = await this.open(path, flags, size);
    if (reply.type !== 'handle') throw new Error(`OPEN ${path}: ${JSON.stringify(reply)}`);
    return reply.handle;
  }

  write(handle: Buffer, offset: number, data: Buffer | string): Promise<Reply> {
    return this.request(6, text(handle), uint64(offset), text(data));
  }

  close(handle: Buffer): Promise<Reply> {
    return this.request(4, text(handle));
  }

  stat(path: string): Promise<Reply> {
    return this.request(17, text(path));
  }

  realpath(path: string): Promise<Reply> {
    return this.request(16, text(path));
  }

  rename(from: string, to: string): Promise<Reply> {
    return this.request(18, text(from), text(to));
  }

  remove(path: string): Promise<Reply> {
    return this.request(13, text(path));
  }

  fsetstatSize(handle: Buffer, size: number): Promise<Reply> {
    return this.request(10, text(handle), uint32(1), uint64(size));
  }

  async list(path: string): Promise<{ readonly name: string; readonly longName: string }[]> {
    const opened = await this.request(11, text(path));
    if (opened.type !== 'handle') throw new Error(`OPENDIR ${path}: ${JSON.stringify(opened)}`);
    const entries = [];
    for (;;) {
      const reply = await this.request(12, text(opened.handle));
      if (reply.type !== 'name') break;
      entries.push(...reply.entries);
    }
    await this.close(opened.handle);
    return entries;
  }

  /** Ends the channel as a client does that has finished. */
  async quit(): Promise<number | undefined> {
    this.channel.end();
    const { exitStatus } = await this.closed;
    this.#connection.end();
    return exitStatus;
  }

  /** Cuts the TCP connection, as a pulled cable and a timeout would. */
  drop(): void {
    this.#connection.destroy();
  }

  #read(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 4) {
      const length = this.#received.readUInt32BE(0);
      if (this.#received.length < 4 + length) return;
      this.#handle(this.#received.subarray(4, 4 + length));
      this.#received = this.#received.subarray(4 + length);
    }
  }

  #handle(packet: Buffer): void {
    if (packet[0] === 2) {
      this.version = { version: packet.readUInt32BE(1), extensions: stringsOf(packet.subarray(5)) };
      return;
    }
    const id = packet.readUInt32BE(1);
    this.replyOrder.push(id);
    this.#waiting.get(id)?.(decodeReply(packet));
    this.#waiting.delete(id);
  }
}

/** Logs in, or rejects with what the server answered. */
function connectSsh(config: ConnectConfig): Promise<Client> {
  const connection = new ssh2.Client();
  return new Promise((resolve, reject) => {
    connection.on('error', reject);
    connection.once('close', () => reject(new Error('The connection was closed before the login.')));
    connection.once('ready', () => {
      // As OpenSSH does; with Nagle's algorithm every round trip takes 40 ms.
      connection.setNoDelay(true);
      resolve(connection);
    });
    connection.connect({ readyTimeout: 20_000, ...config });
  });
}

function decodeReply(packet: Buffer): Reply {
  const body = packet.subarray(5);
  switch (packet[0]) {
    case 101:
      return { type: 'status', code: body.readUInt32BE(0), message: stringsOf(body.subarray(4))[0] ?? '' };
    case 102:
      return { type: 'handle', handle: Buffer.from(body.subarray(4)) };
    case 104:
      return { type: 'name', entries: decodeNames(body) };
    case 105:
      return { type: 'attrs', size: Number(body.readBigUInt64BE(4)), mode: body.readUInt32BE(12) };
    case 201:
      return { type: 'extended', data: Buffer.from(body) };
    default:
      throw new Error(`unexpected packet type ${packet[0]}`);
  }
}

/** Attributes here always are size, permissions and times: 24 bytes with their flags. */
function decodeNames(body: Buffer): { name: string; longName: string }[] {
  const entries = [];
  let at = 4;
  const next = () => {
    const length = body.readUInt32BE(at);
    at += 4 + length;
    return body.toString('utf8', at - length, at);
  };
  for (let count = body.readUInt32BE(0); count > 0; count -= 1) {
    entries.push({ name: next(), longName: next() });
    at += 24;
  }
  return entries;
}

function stringsOf(bytes: Buffer): string[] {
  const strings = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    strings.push(bytes.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
