import { Socket, type SocketConstructorOpts } from 'node:net';
import { countPassed } from '../../support/buffer-collection.ts';

/**
 * What one read from the kernel may bring. node:net allocates 64 KiB for each: SSH packets of 32 KiB then arrive in
 * halves, which ssh2 copies together, and the garbage collector runs for the buffers ten times a second.
 */
const READ_BYTES = 512 * 1024;

/** One buffer for all connections: a read and what is made of it happen in one turn of the event loop. */
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

export interface LargeReadSocket {
  readonly socket: Socket;
  /**
   * From now on 'data' events carry a view of the shared buffer, which is only valid during the event. To be called
   * once nobody keeps what arrives: ssh2 keeps parts of a handshake, and copies when it decrypts.
   */
  share(): void;
}

/** Takes an accepted connection over, before anything is read from it. */
export function withLargeReads(accepted: Socket): LargeReadSocket {
  let shared = false;
  const { _handle: handle } = accepted as unknown as { _handle: object | null };
  // A peer that has gone already leaves nothing to take over.
  if (!handle) return { socket: accepted, share: () => undefined };
  const options = {
    handle,
    readable: true,
    writable: true,
    onread: {
      buffer,
      callback: (bytes: number) => {
        countPassed(bytes);
        const view = buffer.subarray(0, bytes);
        socket.emit('data', shared ? view : Buffer.from(view));
        return true;
      },
    },
  };
  const socket = new Socket(options as unknown as SocketConstructorOpts);
  (accepted as unknown as { _handle: object | null })._handle = null;
  return {
    socket,
    share: () => {
      shared = true;
    },
  };
}
