import { setImmediate } from 'node:timers/promises';
import type { Logger } from '../../telemetry/logger.ts';
import { PacketReader } from '../sftp/packet-reader.ts';
import { SftpProtocolError } from '../sftp/protocol.ts';
import { decodeRequest, type SftpRequest, type WriteRequest } from '../sftp/requests.ts';
import type { ServerChannel } from '../ssh2/index.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { SftpSession } from './sftp-session.ts';

/** What a waiting packet costs beyond its bytes. */
const PACKET_OVERHEAD = 128;
/** WRITEs that wait are handed on together, up to this many bytes. */
const MAX_GATHERED_BYTES = 512 * 1024;
/** Replies are sent together, up to this many bytes: they share one SSH packet and one system call. */
const MAX_GATHERED_REPLIES = 16 * 1024;
/** A client's requests are answered for this long before everybody else has a turn, in milliseconds. */
const SLICE_MS = 4;
/** Replies that wait for the peer's window; above it no more requests are answered. */
const MAX_UNSENT_REPLIES = 64 * 1024;

interface Waiting {
  readonly request: SftpRequest;
  readonly cost: number;
}

/**
 * Runs one SFTP channel to its end: requests are answered one after the other and replies leave in their order.
 * ssh2's own SFTP class is not used (docs/decisions/0003-own-sftp-codec.md).
 */
export class SftpChannel {
  /** Resolves when the channel is at its end and nothing is being answered any more. */
  readonly finished: Promise<void>;
  readonly #channel: ServerChannel;
  readonly #session: SftpSession;
  readonly #readAhead: ReadAhead;
  readonly #logger: Logger;
  readonly #closed: AbortSignal;
  readonly #reader = new PacketReader();
  /** Resolves when nothing can be sent any more. */
  readonly #gone: Promise<void>;
  #waiting: Waiting[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(options: {
    readonly channel: ServerChannel;
    readonly session: SftpSession;
    readonly readAhead: ReadAhead;
    readonly logger: Logger;
    /** Aborted when the connection is gone: what still waits in memory is then not acted upon. */
    readonly closed: AbortSignal;
  }) {
    this.#channel = options.channel;
    this.#session = options.session;
    this.#readAhead = options.readAhead;
    this.#logger = options.logger;
    this.#closed = options.closed;
    this.#readAhead.addChannel(this.#channel);
    this.#channel.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#channel.once('end', () => this.#end());
    this.#gone = new Promise((resolve) => {
      this.#channel.once('close', resolve);
      this.#closed.addEventListener('abort', () => resolve(), { once: true });
    });
    void this.#gone.then(() => this.#end());
    this.finished = this.#run();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    const before = this.#reader.pendingBytes;
    try {
      for (const packet of this.#reader.push(chunk)) {
        const cost = packet.reduce((sum, piece) => sum + piece.length, PACKET_OVERHEAD);
        this.#waiting.push({ request: decodeRequest(packet), cost });
        this.#readAhead.add(cost, 1);
      }
    } catch (error) {
      if (!(error instanceof SftpProtocolError)) throw error;
      this.#logger.warn({ reason: error.message }, 'SFTP protocol error; channel closed');
      this.#end();
    }
    this.#readAhead.hold(this.#reader.pendingBytes - before);
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closed.aborted) {
        if (this.#waiting.length > 0) await this.#answerWaiting();
        else if (this.#ended) break;
        else await this.#somethingToDo();
      }
    } catch (error) {
      if (!this.#closed.aborted) this.#logger.error({ err: error }, 'SFTP channel failed');
    } finally {
      this.#ended = true;
      for (const { cost } of this.#waiting) this.#readAhead.remove(cost, 1);
      this.#waiting = [];
      this.#readAhead.hold(-this.#reader.pendingBytes);
      this.#readAhead.removeChannel(this.#channel);
      this.#endChannel();
    }
  }

  #somethingToDo(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Answers everything that waits now; what arrives meanwhile is the next round. */
  async #answerWaiting(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    let answered = 0;
    try {
      let replies: Buffer[] = [];
      let replyBytes = 0;
      let sliceEnd = performance.now() + SLICE_MS;
      while (answered < batch.length && !this.#closed.aborted) {
        const group = writesFrom(batch, answered);
        const reply = group
          ? await this.#session.answerWrites(group)
          : await this.#session.answer((batch[answered] as Waiting).request);
        for (const end = answered + (group?.length ?? 1); answered < end; answered += 1)
          this.#readAhead.remove((batch[answered] as Waiting).cost, 1);
        replies.push(reply);
        replyBytes += reply.length;
        if (performance.now() > sliceEnd) {
          await setImmediate();
          sliceEnd = performance.now() + SLICE_MS;
        }
        if (replyBytes < MAX_GATHERED_REPLIES && answered < batch.length) continue;
        await this.#send(replies);
        replies = [];
        replyBytes = 0;
      }
    } finally {
      for (; answered < batch.length; answered += 1)
        this.#readAhead.remove((batch[answered] as Waiting).cost, 1);
    }
  }

  async #send(replies: readonly Buffer[]): Promise<void> {
    if (this.#closed.aborted || !this.#channel.writable) return;
    const bytes = replies.length === 1 ? (replies[0] as Buffer) : Buffer.concat(replies);
    const sent = new Promise<void>((resolve) => this.#channel.write(bytes, () => resolve()));
    if (this.#channel.writableLength <= MAX_UNSENT_REPLIES) return;
    this.#readAhead.waitForPeer();
    await Promise.race([sent, this.#gone]);
    this.#readAhead.peerHasRead();
  }

  /** Without an exit status sftp and scp hang at the end, and scp reports failure for a file that arrived. */
  #endChannel(): void {
    if (this.#closed.aborted || !this.#channel.writable) return;
    this.#channel.exit(0);
    this.#channel.end();
  }
}

/** The WRITEs from here on that continue each other: same handle, no gap. */
function writesFrom(batch: readonly Waiting[], from: number): [WriteRequest, ...WriteRequest[]] | undefined {
  const first = batch[from]?.request;
  if (first?.type !== 'write') return undefined;
  const group: [WriteRequest, ...WriteRequest[]] = [first];
  let next = first.offset + first.length;
  for (let index = from + 1; index < batch.length && next - first.offset < MAX_GATHERED_BYTES; index += 1) {
    const request = (batch[index] as Waiting).request;
    if (request.type !== 'write' || request.handle !== first.handle || request.offset !== next) break;
    group.push(request);
    next += request.length;
  }
  return group;
}
