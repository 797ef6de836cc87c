import type { IncomingUpload } from '../../intake/incoming-upload.ts';
import { Refusal } from '../../intake/refusal.ts';
import { Interruption } from './interruption.ts';

/** Where pieces wait whose predecessors are still missing: shared by the files of a connection. */
export interface AheadBuffer {
  /** Counts bytes in (or out, when negative). False, and nothing counted, when there is no room. */
  reserve(bytes: number): boolean;
}

/**
 * Puts a client's WRITEs into the file's order: ssh2-sftp-client's fastPut, rclone and AsyncSSH may send
 * pieces out of order, but a stream to the store and a running hash need them in order.
 */
export class UploadHandle {
  readonly upload: IncomingUpload;
  readonly interruption = new Interruption();
  readonly #aheadBuffer: AheadBuffer;
  readonly #ahead = new Map<number, Buffer>();
  #position = 0;
  #announcedSize: number | undefined;

  constructor(upload: IncomingUpload, aheadBuffer: AheadBuffer, announcedSize: number | undefined) {
    this.upload = upload;
    this.#aheadBuffer = aheadBuffer;
    this.announceSize(announcedSize);
  }

  /** Some clients tell the size beforehand (WinSCP in OPEN, lftp in FSETSTAT): what differs is truncated. */
  announceSize(size: number | undefined): void {
    if (size !== undefined && size > 0) this.#announcedSize = size;
  }

  /**
   * Takes pieces that follow each other without a gap.
   * @throws {Refusal} also when the client goes back or leaves too large a gap
   */
  async write(offset: number, pieces: readonly Buffer[]): Promise<void> {
    if (!this.upload.open && this.upload.refusal) throw this.upload.refusal;
    if (offset > this.#position) return this.#hold(offset, pieces);
    if (offset < this.#position)
      throw await this.#giveUp(
        'Files are sent once, from the first byte to the last. Resuming is not possible: send the whole file.',
      );
    await this.#releaseOnFailure(this.upload.write(...pieces));
    this.#position += lengthOf(pieces);
    await this.#releaseHeld();
  }

  /** Makes the file durable. @throws {Refusal} when a piece is missing or the file is shorter than announced */
  async seal(): Promise<void> {
    if (this.#ahead.size > 0)
      throw await this.#giveUp(`A piece is missing after ${this.#position} bytes. Send the file again.`);
    if (this.#announcedSize !== undefined && this.#announcedSize !== this.#position && this.upload.open) {
      throw await this.#giveUp(
        `${this.#announcedSize} bytes were announced and ${this.#position} arrived. Send the file again.`,
      );
    }
    if (this.upload.open) await this.#expectNoInterruption();
    await this.upload.seal();
  }

  /** Ends the file when it is not acknowledged yet. */
  async abandon(reason: Refusal): Promise<void> {
    this.#release();
    await this.upload.abandon(reason);
  }

  async #expectNoInterruption(): Promise<void> {
    const found = this.interruption.look(this.upload);
    if (found instanceof Refusal) {
      await this.abandon(found);
      throw found;
    }
    if (found) this.upload.warn(found);
  }

  #release(): void {
    for (const piece of this.#ahead.values()) this.#aheadBuffer.reserve(-costOf(piece));
    this.#ahead.clear();
  }

  async #hold(offset: number, pieces: readonly Buffer[]): Promise<void> {
    let at = offset;
    for (const piece of pieces) {
      // A piece that is sent again takes the place of the first; that is a client's retry, not new bytes.
      const before = this.#ahead.get(at);
      if (!this.#aheadBuffer.reserve(costOf(piece) - (before ? costOf(before) : 0)))
        throw await this.#giveUp(
          `Too much was sent ahead of a missing piece at byte ${this.#position}. Send the file in order.`,
        );
      this.#ahead.set(at, copyOf(piece));
      at += piece.length;
    }
  }

  async #releaseHeld(): Promise<void> {
    for (let next = this.#ahead.get(this.#position); next; next = this.#ahead.get(this.#position)) {
      this.#ahead.delete(this.#position);
      this.#aheadBuffer.reserve(-costOf(next));
      await this.#releaseOnFailure(this.upload.write(next));
      this.#position += next.length;
    }
  }

  async #releaseOnFailure(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async #giveUp(message: string): Promise<Refusal> {
    const refusal = new Refusal('INCOMPLETE_FILE', message);
    await this.abandon(refusal);
    return refusal;
  }
}

/** What holding a piece takes beyond its bytes. */
const PIECE_OVERHEAD = 256;
const costOf = (piece: Buffer) => piece.length + PIECE_OVERHEAD;

/** A piece is a view of what it arrived in: held for long, one byte would keep 32 KiB. */
function copyOf(piece: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(copy);
  return copy;
}

const lengthOf = (pieces: readonly Buffer[]) => pieces.reduce((sum, piece) => sum + piece.length, 0);
