import type { Packet } from './packet-reader.ts';
import { ATTR_FLAG, PACKET, SftpProtocolError } from './protocol.ts';

/** The attributes that a client sends and that matter here. */
export interface SentAttributes {
  readonly size: number | undefined;
}

interface Identified {
  readonly id: number;
}

export type OpenRequest = Identified & {
  readonly type: 'open';
  readonly path: string;
  readonly flags: number;
  readonly attributes: SentAttributes;
};
export type WriteRequest = Identified & {
  readonly type: 'write';
  readonly handle: number;
  readonly offset: number;
  /** In the pieces in which it arrived. */
  readonly data: readonly Buffer[];
  readonly length: number;
};
export type HandleRequest = Identified & {
  readonly type: 'close' | 'fstat' | 'readdir' | 'read';
  readonly handle: number;
};
export type PathRequest = Identified & {
  readonly type:
    | 'stat'
    | 'setstat'
    | 'opendir'
    | 'remove'
    | 'mkdir'
    | 'rmdir'
    | 'realpath'
    | 'readlink'
    | 'symlink';
  readonly path: string;
};
export type RenameRequest = Identified & {
  readonly type: 'rename';
  readonly path: string;
  readonly target: string;
};

/** A request as the session handles it. Names are decoded as UTF-8; what is not UTF-8 has U+FFFD in it. */
export type SftpRequest =
  | { readonly type: 'init'; readonly version: number }
  | OpenRequest
  | WriteRequest
  | HandleRequest
  | PathRequest
  | RenameRequest
  | (Identified & { readonly type: 'fsetstat'; readonly handle: number; readonly attributes: SentAttributes })
  | (Identified & { readonly type: 'extended'; readonly name: string })
  | (Identified & { readonly type: 'unknown' });

/** A handle that was never given out. */
const NO_HANDLE = -1;
const HANDLE_BYTES = 4;
/** Type, id, handle of the longest kind, offset and length of a WRITE: what comes before its data. */
const WRITE_HEAD_BYTES = 1 + 4 + 4 + 256 + 8 + 4;

/** Reads the fields of one packet in order. @throws {SftpProtocolError} when it ends too early */
class Fields {
  readonly #packet: Buffer;
  #at = 1;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  uint32(): number {
    const at = this.#advance(4);
    return this.#packet.readUInt32BE(at);
  }

  /** Offsets and sizes beyond 2^53 are not told apart; every limit lies far below. */
  uint64(): number {
    const high = this.uint32();
    return high * 2 ** 32 + this.uint32();
  }

  bytes(): Buffer {
    const length = this.uint32();
    const at = this.#advance(length);
    return this.#packet.subarray(at, at + length);
  }

  rest(): Buffer {
    return this.#packet.subarray(this.#at);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  handle(): number {
    const bytes = this.bytes();
    return bytes.length === HANDLE_BYTES ? bytes.readUInt32BE(0) : NO_HANDLE;
  }

  attributes(): SentAttributes {
    const flags = this.uint32();
    return { size: flags & ATTR_FLAG.SIZE ? this.uint64() : undefined };
  }

  #advance(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#packet.length) throw cutShort();
    return at;
  }
}

const cutShort = () => new SftpProtocolError('SFTP packet ends in the middle of a field');

/** @throws {SftpProtocolError} */
export function decodeRequest(packet: Packet): SftpRequest {
  const [first, ...more] = packet;
  if (first[0] === PACKET.WRITE && first.length >= WRITE_HEAD_BYTES) return decodeWrite(first, more);
  return decodeWhole(more.length === 0 ? first : Buffer.concat(packet));
}

/** The one request that is long: its data is passed on as it came. */
function decodeWrite(first: Buffer, more: readonly Buffer[]): WriteRequest {
  const fields = new Fields(first);
  const id = fields.uint32();
  const handle = fields.handle();
  const offset = fields.uint64();
  const length = fields.uint32();
  const data = [fields.rest(), ...more].filter((piece) => piece.length > 0);
  const arrived = data.reduce((sum, piece) => sum + piece.length, 0);
  if (arrived < length) throw cutShort();
  if (arrived > length)
    return { type: 'write', id, handle, offset, data: [Buffer.concat(data, length)], length };
  return { type: 'write', id, handle, offset, data, length };
}

function decodeWhole(packet: Buffer): SftpRequest {
  const fields = new Fields(packet);
  const type = packet[0];
  if (type === PACKET.INIT) return { type: 'init', version: fields.uint32() };
  const id = fields.uint32();
  switch (type) {
    case PACKET.OPEN:
      return {
        type: 'open',
        id,
        path: fields.text(),
        flags: fields.uint32(),
        attributes: fields.attributes(),
      };
    case PACKET.WRITE:
      return decodeWrite(packet, []);
    case PACKET.CLOSE:
      return { type: 'close', id, handle: fields.handle() };
    case PACKET.READ:
      return { type: 'read', id, handle: fields.handle() };
    case PACKET.FSTAT:
      return { type: 'fstat', id, handle: fields.handle() };
    case PACKET.READDIR:
      return { type: 'readdir', id, handle: fields.handle() };
    case PACKET.FSETSTAT:
      return { type: 'fsetstat', id, handle: fields.handle(), attributes: fields.attributes() };
    case PACKET.RENAME:
      return { type: 'rename', id, path: fields.text(), target: fields.text() };
    case PACKET.EXTENDED:
      return { type: 'extended', id, name: fields.text() };
    default: {
      const name = type === undefined ? undefined : PATH_REQUESTS.get(type);
      return name ? { type: name, id, path: fields.text() } : { type: 'unknown', id };
    }
  }
}

/** There are no links here, so LSTAT and STAT are one. */
const PATH_REQUESTS: ReadonlyMap<number, PathRequest['type']> = new Map([
  [PACKET.LSTAT, 'stat'],
  [PACKET.STAT, 'stat'],
  [PACKET.SETSTAT, 'setstat'],
  [PACKET.OPENDIR, 'opendir'],
  [PACKET.REMOVE, 'remove'],
  [PACKET.MKDIR, 'mkdir'],
  [PACKET.RMDIR, 'rmdir'],
  [PACKET.REALPATH, 'realpath'],
  [PACKET.READLINK, 'readlink'],
  [PACKET.SYMLINK, 'symlink'],
]);
