import type { Socket } from 'node:net';

/** What a connection may hold while the process is over its budget, so that everybody goes on, slowly. */
const FAIR_SHARE_BYTES = 128 * 1024;
/** Replies that the peer has not read: above it nothing more is read from it. */
const UNREAD_REPLY_BYTES = 256 * 1024;

/** Bytes that were received and wait for their turn, over all connections of the process. */
export class ReadAheadBudget {
  readonly limit: number;
  #total = 0;
  readonly #paused = new Set<ReadAhead>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  get exceeded(): boolean {
    return this.#total > this.limit;
  }

  change(bytes: number): void {
    const before = this.exceeded;
    this.#total += bytes;
    if (before && !this.exceeded) for (const connection of [...this.#paused]) connection.reconsider();
  }

  waits(connection: ReadAhead, waiting: boolean): void {
    if (waiting) this.#paused.add(connection);
    else this.#paused.delete(connection);
  }
}

/**
 * How far one connection is read ahead of what has been handled. ssh2 opens the channel's window whatever the
 * handler does, and drops nothing that is sent beyond it, so the socket itself is paused: TCP then slows the peer.
 */
export class ReadAhead {
  readonly #socket: Socket;
  readonly #budget: ReadAheadBudget;
  readonly #limit: number;
  readonly #maxItems: number;
  #bytes = 0;
  #items = 0;
  #held = 0;
  #paused = false;
  #ended = false;

  constructor(
    socket: Socket,
    budget: ReadAheadBudget,
    limits: { readonly connectionBufferBytes: number; readonly queuedRequests: number },
  ) {
    this.#socket = socket;
    this.#budget = budget;
    this.#limit = limits.connectionBufferBytes;
    this.#maxItems = limits.queuedRequests;
    socket.on('drain', () => this.reconsider());
    socket.once('close', () => this.#end());
  }

  /** Held ahead of what is missing, in bytes. */
  get held(): number {
    return this.#held;
  }

  /** Something arrived and waits. */
  add(bytes: number, items: number): void {
    if (this.#ended) return;
    this.#bytes += bytes;
    this.#items += items;
    this.#budget.change(bytes);
    this.reconsider();
  }

  /**
   * Bytes that cannot be handled before more arrives: half a packet, a piece ahead of a missing one. They count
   * for the process, but not reading on would never free them.
   */
  hold(bytes: number): void {
    if (this.#ended || bytes === 0) return;
    this.#held += bytes;
    this.#budget.change(bytes);
  }

  /** It has been handled. */
  remove(bytes: number, items: number): void {
    if (this.#ended) return;
    this.#bytes -= bytes;
    this.#items -= items;
    this.#budget.change(-bytes);
    this.reconsider();
  }

  /** Pauses or resumes the socket by what is held now. Half of the limit lies between the two. */
  reconsider(): void {
    if (this.#ended) return;
    const part = this.#paused ? 0.5 : 1;
    const tooMuch =
      this.#bytes > this.#limit * part ||
      this.#items > this.#maxItems * part ||
      this.#socket.writableLength > UNREAD_REPLY_BYTES * part ||
      (this.#budget.exceeded && this.#bytes > FAIR_SHARE_BYTES);
    if (tooMuch === this.#paused) return;
    this.#paused = tooMuch;
    this.#budget.waits(this, tooMuch);
    if (tooMuch) this.#socket.pause();
    else this.#socket.resume();
  }

  #end(): void {
    this.#budget.change(-this.#bytes - this.#held);
    this.#ended = true;
    this.#budget.waits(this, false);
  }
}
