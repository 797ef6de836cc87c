import type { Socket } from 'node:net';

/** What any client may do, however little it sends: OpenSSH's does so once a gigabyte or once an hour. */
const FREE_REKEYS = 20;
/** Clients have been seen that exchange keys once a megabyte. */
const BYTES_PER_REKEY = 256 * 1024;

/** A key exchange costs the server a hundred times what asking for it costs the client. */
export class RekeyMeter {
  readonly #socket: Socket;
  #count = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Counts one more. */
  isTooMany(): boolean {
    this.#count += 1;
    return this.#count > FREE_REKEYS + this.#socket.bytesRead / BYTES_PER_REKEY;
  }
}
