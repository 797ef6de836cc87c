import { isIP, type Socket, SocketAddress } from 'node:net';

/**
 * The PROXY protocol, versions 1 and 2, as HAProxy's proxy-protocol.txt has it: how a TCP load balancer tells
 * whom it speaks for. Only ever read from proxies that the administrator listed.
 */
export interface ProxyHeader {
  /** Whom the proxy speaks for; undefined when it speaks for itself (LOCAL, UNKNOWN): a health check. */
  readonly address: string | undefined;
  /** Length of the header in bytes. What follows belongs to the client. */
  readonly length: number;
}

export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
}

/** Version 1: "PROXY TCP6 …\r\n" fits in this, says the specification. */
const V1_MAX_BYTES = 107;
const V1_PREFIX = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** Addresses and TLVs: AWS and Azure send less than 100 bytes. */
const V2_MAX_BYTES = V2_FIXED_BYTES + 2_048;
const V2_COMMAND = { LOCAL: 0, PROXY: 1 } as const;
const V2_FAMILY = { UNSPEC: 0x0, INET: 0x1, INET6: 0x2, UNIX: 0x3 } as const;

/** Parses the header at the start of what a proxy sent. Undefined: more bytes are needed. @throws {ProxyHeaderError} */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? undefined : parseV2(bytes);
  if (startsLike(bytes, V1_PREFIX)) return parseV1(bytes);
  throw new ProxyHeaderError('the connection does not begin with a PROXY header');
}

/** True as long as the bytes that are there agree with the prefix. */
function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.subarray(0, length).equals(prefix.subarray(0, length));
}

function parseV1(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length < V1_MAX_BYTES) return undefined;
    throw new ProxyHeaderError(`a PROXY header of version 1 has to end within ${V1_MAX_BYTES} bytes`);
  }
  const length = end + 2;
  const [, family, source = ''] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { address: undefined, length };
  const version = { TCP4: 4, TCP6: 6 }[family ?? ''];
  if (version === undefined || isIP(source) !== version)
    throw new ProxyHeaderError('the PROXY header of version 1 names no source address');
  return { address: source, length };
}

function parseV2(bytes: Buffer): ProxyHeader | undefined {
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2)
    throw new ProxyHeaderError(`PROXY version ${versionAndCommand >> 4} is not known`);
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > V2_MAX_BYTES)
    throw new ProxyHeaderError(`a PROXY header of ${length} bytes is longer than ${V2_MAX_BYTES}`);
  if (bytes.length < length) return undefined;
  const command = versionAndCommand & 0x0f;
  if (command === V2_COMMAND.LOCAL) return { address: undefined, length };
  if (command !== V2_COMMAND.PROXY) throw new ProxyHeaderError(`PROXY command ${command} is not known`);
  return { address: sourceOf(bytes.readUInt8(13) >> 4, bytes.subarray(V2_FIXED_BYTES, length)), length };
}

/** TLVs follow the addresses; none of them matters here. */
function sourceOf(family: number, addresses: Buffer): string | undefined {
  switch (family) {
    case V2_FAMILY.INET:
      if (addresses.length < 12) break;
      return [...addresses.subarray(0, 4)].join('.');
    case V2_FAMILY.INET6: {
      if (addresses.length < 36) break;
      const groups = Array.from({ length: 8 }, (_, index) => addresses.readUInt16BE(index * 2).toString(16));
      return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
    }
    case V2_FAMILY.UNSPEC:
    case V2_FAMILY.UNIX:
      return undefined;
  }
  throw new ProxyHeaderError(`the PROXY header's addresses of family ${family} are cut short or not known`);
}

/**
 * Reads the header from a socket and leaves the rest in it, paused. Rejects when it is malformed or the socket
 * closes first; the time is the caller's to limit. @throws {ProxyHeaderError}
 */
export function readProxyHeader(socket: Socket): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (outcome: () => void) => {
      socket.off('data', onData).off('close', onClose);
      socket.pause();
      outcome();
    };
    const onClose = () => settle(() => reject(new ProxyHeaderError('closed before a PROXY header came')));
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        const header = parseProxyHeader(received);
        if (!header) return;
        settle(() => {
          if (received.length > header.length) socket.unshift(received.subarray(header.length));
          resolve(header);
        });
      } catch (error) {
        settle(() => reject(error as Error));
      }
    };
    socket.on('data', onData).once('close', onClose);
  });
}
