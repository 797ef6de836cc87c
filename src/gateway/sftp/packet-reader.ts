import { MAX_PACKET_BYTES, SftpProtocolError } from './protocol.ts';

const LENGTH_BYTES = 4;

/** Cuts a channel's bytes into packets, without their length field. Holds at most one packet. */
export class PacketReader {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Of the packet that is being collected, its length field included; 0 while that is not known. */
  #needed = 0;

  /** Bytes of a packet that is not complete yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The packets that these bytes complete. @throws {SftpProtocolError} for an empty or oversized packet */
  push(chunk: Buffer): Buffer[] {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#needed === 0) this.#needed = this.#lengthOf(this.#pending);
    if (this.#needed === 0 || this.#pendingBytes < this.#needed) return [];
    const packets: Buffer[] = [];
    let bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending, this.#pendingBytes);
    while (this.#needed > 0 && bytes.length >= this.#needed) {
      packets.push(bytes.subarray(LENGTH_BYTES, this.#needed));
      bytes = bytes.subarray(this.#needed);
      this.#needed = this.#lengthOf([bytes]);
    }
    this.#pending = bytes.length > 0 ? [bytes] : [];
    this.#pendingBytes = bytes.length;
    return packets;
  }

  #lengthOf(chunks: readonly Buffer[]): number {
    const first = chunks[0];
    const head = first && first.length >= LENGTH_BYTES ? first : Buffer.concat(chunks);
    if (head.length < LENGTH_BYTES) return 0;
    const length = head.readUInt32BE(0);
    if (length === 0 || length > MAX_PACKET_BYTES) {
      throw new SftpProtocolError(`SFTP packet of ${length} bytes; 1 to ${MAX_PACKET_BYTES} are accepted`);
    }
    return LENGTH_BYTES + length;
  }
}
