import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** What a connection may hold while the process is over its budget, so that everybody goes on, slowly. */
const FAIR_SHARE_BYTES = 128 * 1024;
/** Replies that the peer has not read: above it nothing more is read from it. */
const UNREAD_REPLY_BYTES = 256 * 1024;
/** What ssh2 may hold of a channel that is paused: its buffer and the window that it has promised. */
const PAUSED_CHANNEL_BYTES = 4 * 1024 * 1024;

type Pausable = Pick<Readable, 'pause' | 'resume'>;

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
  #paused: 'nothing' | 'socket' | 'channels' = 'nothing';
  #ended = false;
  readonly #channels = new Set<Pausable>();
  /** Channels whose replies wait until the peer opens its window. */
  #unread = 0;
  #unreadSince = 0;

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

  /** Call before the channel's bytes flow. */
  addChannel(channel: Pausable): void {
    this.#channels.add(channel);
    if (this.#paused === 'channels') channel.pause();
  }

  removeChannel(channel: Pausable): void {
    this.#channels.delete(channel);
  }

  /**
   * A channel's replies wait for the peer's WINDOW_ADJUST. It may lie behind requests that were sent before it, so
   * with the socket paused neither side would ever move: the channels are paused instead, which their windows bound.
   */
  waitForPeer(): void {
    if (this.#ended) return;
    this.#unread += 1;
    if (this.#unread === 1) this.#unreadSince = performance.now();
    this.#budget.change(PAUSED_CHANNEL_BYTES);
    this.reconsider();
  }

  peerHasRead(): void {
    if (this.#ended) return;
    this.#unread -= 1;
    this.#budget.change(-PAUSED_CHANNEL_BYTES);
    this.reconsider();
  }

  /** For how long the peer has not read what was sent to it, in milliseconds. */
  unreadFor(now: number): number {
    return this.#unread > 0 ? now - this.#unreadSince : 0;
  }

  /** Pauses or resumes by what is held now. */
  reconsider(): void {
    if (this.#ended) return;
    const before = this.#paused;
    const next = this.#unread > 0 ? 'channels' : this.#holdsTooMuch() ? 'socket' : 'nothing';
    if (next === before) return;
    this.#paused = next;
    this.#budget.waits(this, next === 'socket');
    if (next === 'socket') this.#socket.pause();
    else if (before === 'socket') this.#socket.resume();
    if (next === 'channels') for (const channel of this.#channels) channel.pause();
    else if (before === 'channels') for (const channel of this.#channels) channel.resume();
  }

  /** Half of the limit lies between pausing and resuming. */
  #holdsTooMuch(): boolean {
    const part = this.#paused === 'socket' ? 0.5 : 1;
    return (
      this.#bytes > this.#limit * part ||
      this.#items > this.#maxItems * part ||
      this.#socket.writableLength > UNREAD_REPLY_BYTES * part ||
      (this.#budget.exceeded && this.#bytes > FAIR_SHARE_BYTES)
    );
  }

  #end(): void {
    this.#budget.change(-this.#bytes - this.#held - this.#unread * PAUSED_CHANNEL_BYTES);
    this.#ended = true;
    this.#budget.waits(this, false);
  }
}
