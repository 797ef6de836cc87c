import { MAX_PACKET_BYTES, SftpProtocolError } from './protocol.ts';

const LENGTH_BYTES = 4;

/**
 * Cuts a channel's bytes into packets, without their length field. Pulling is what opens the channel's
 * window again, so a consumer that waits slows the client.
 * @throws {SftpProtocolError} for an empty or oversized packet
 */
export async function* readPackets(channel: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of channel) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < LENGTH_BYTES) continue;
    let needed = LENGTH_BYTES + packetLength(pending);
    if (pendingBytes < needed) continue;
    let bytes = pending.length === 1 ? chunk : Buffer.concat(pending, pendingBytes);
    while (bytes.length >= needed) {
      yield bytes.subarray(LENGTH_BYTES, needed);
      bytes = bytes.subarray(needed);
      needed = bytes.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + packetLength([bytes]);
    }
    pending = bytes.length > 0 ? [bytes] : [];
    pendingBytes = bytes.length;
  }
}

function packetLength(chunks: readonly Buffer[]): number {
  const first = chunks[0] ?? Buffer.alloc(0);
  const head = first.length >= LENGTH_BYTES ? first : Buffer.concat(chunks);
  const length = head.readUInt32BE(0);
  if (length === 0 || length > MAX_PACKET_BYTES) {
    throw new SftpProtocolError(`SFTP packet of ${length} bytes; 1 to ${MAX_PACKET_BYTES} are accepted`);
  }
  return length;
}
