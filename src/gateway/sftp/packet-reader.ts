import { MAX_PACKET_BYTES, SftpProtocolError } from './protocol.ts';

const LENGTH_BYTES = 4;

/** A packet without its length field, in the pieces in which it arrived. */
export type Packet = readonly [Buffer, ...Buffer[]];

/** A client that sends a packet byte by byte would otherwise make an object of each. */
const MAX_PIECES = 64;

/** Cuts a channel's bytes into packets, as good as without copying them. Holds at most one packet. */
export class PacketReader {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Length of the packet that is being collected; 0 while that is not known. */
  #needed = 0;

  /** Bytes of a packet that is not complete yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * The packets that these bytes complete, each as it is asked for: those before a bad one are not lost with it.
   * @throws {SftpProtocolError} for an empty or oversized packet
   */
  *push(chunk: Buffer): Generator<Packet, void, void> {
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#needed === 0 ? this.#collectLength(rest) : this.#collectBody(rest);
      if (this.#needed === 0 || this.#pendingBytes < this.#needed) continue;
      const packet = this.#pending as unknown as Packet;
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#needed = 0;
      yield packet;
    }
  }

  /** Returns what is left when the length is known, or nothing. */
  #collectLength(chunk: Buffer): Buffer {
    const taken = chunk.subarray(0, LENGTH_BYTES - this.#pendingBytes);
    this.#pending.push(taken);
    this.#pendingBytes += taken.length;
    if (this.#pendingBytes < LENGTH_BYTES) return chunk.subarray(taken.length);
    const field = this.#pending.length === 1 ? taken : Buffer.concat(this.#pending);
    const length = field.readUInt32BE(0);
    if (length === 0 || length > MAX_PACKET_BYTES) {
      throw new SftpProtocolError(`SFTP packet of ${length} bytes; 1 to ${MAX_PACKET_BYTES} are accepted`);
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#needed = length;
    return chunk.subarray(taken.length);
  }

  #collectBody(chunk: Buffer): Buffer {
    const taken = chunk.subarray(0, this.#needed - this.#pendingBytes);
    this.#pending.push(taken);
    this.#pendingBytes += taken.length;
    if (this.#pending.length >= MAX_PIECES) this.#pending = [Buffer.concat(this.#pending)];
    return chunk.subarray(taken.length);
  }
}
