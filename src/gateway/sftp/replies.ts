import {
  ATTR_FLAG,
  MAX_PACKET_BYTES,
  MAX_WRITE_BYTES,
  PACKET,
  type StatusCode,
  VERSION,
} from './protocol.ts';

/** What STAT and listings tell of an entry. */
export interface Attributes {
  readonly size: number;
  /** `st_mode`, type bits included. */
  readonly mode: number;
  readonly modifiedAt: Date;
}

export interface NameEntry {
  readonly name: string;
  /** The line that `ls -l` prints. */
  readonly longName: string;
  readonly attributes: Attributes;
}

const LIMITS_EXTENSION = 'limits@openssh.com';

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

const uint64 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint32(bytes.length), bytes]);
};

const packet = (type: number, ...fields: Buffer[]): Buffer => {
  const body = Buffer.concat(fields);
  return Buffer.concat([uint32(body.length + 1), Buffer.from([type]), body]);
};

function attributes({ size, mode, modifiedAt }: Attributes): Buffer {
  const seconds = Math.floor(modifiedAt.getTime() / 1000);
  const flags = ATTR_FLAG.SIZE | ATTR_FLAG.PERMISSIONS | ATTR_FLAG.ACMODTIME;
  return Buffer.concat([uint32(flags), uint64(size), uint32(mode), uint32(seconds), uint32(seconds)]);
}

export const versionReply = (): Buffer =>
  packet(PACKET.VERSION, uint32(VERSION), text(LIMITS_EXTENSION), text('1'));

export const statusReply = (id: number, code: StatusCode, message: string): Buffer =>
  packet(PACKET.STATUS, uint32(id), uint32(code), text(message), text('en'));

const OK_REPLY = statusReply(0, 0, 'OK');
const ID_AT = 5;

/** OK for each of these requests; made for WRITE, of which a file of 100 MB has three thousand. */
export function okReplies(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * OK_REPLY.length);
  ids.forEach((id, index) => {
    bytes.set(OK_REPLY, index * OK_REPLY.length);
    bytes.writeUInt32BE(id, index * OK_REPLY.length + ID_AT);
  });
  return bytes;
}

export const handleReply = (id: number, handle: number): Buffer =>
  packet(PACKET.HANDLE, uint32(id), uint32(4), uint32(handle));

export const attributesReply = (id: number, attrs: Attributes): Buffer =>
  packet(PACKET.ATTRS, uint32(id), attributes(attrs));

export const nameReply = (id: number, entries: readonly NameEntry[]): Buffer =>
  packet(
    PACKET.NAME,
    uint32(id),
    uint32(entries.length),
    ...entries.flatMap((entry) => [text(entry.name), text(entry.longName), attributes(entry.attributes)]),
  );

/** `limits@openssh.com`: longest packet, READ (none), WRITE, and open handles. */
export const limitsReply = (id: number, maxHandles: number): Buffer =>
  packet(
    PACKET.EXTENDED_REPLY,
    uint32(id),
    uint64(MAX_PACKET_BYTES),
    uint64(0),
    uint64(MAX_WRITE_BYTES),
    uint64(maxHandles),
  );

export const isLimitsRequest = (name: string): boolean => name === LIMITS_EXTENSION;
