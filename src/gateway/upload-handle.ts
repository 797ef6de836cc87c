import type { IncomingUpload } from '../intake/incoming-upload.ts';
import { Refusal } from '../intake/refusal.ts';

/** Most bytes held for one file while an earlier piece is still missing. */
const MAX_AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Puts a client's WRITEs into the file's order: ssh2-sftp-client's fastPut, rclone and AsyncSSH may send
 * pieces out of order, but a stream to the store and a running hash need them in order.
 */
export class UploadHandle {
  readonly upload: IncomingUpload;
  readonly #ahead = new Map<number, Buffer>();
  #aheadBytes = 0;
  #position = 0;
  #announcedSize: number | undefined;

  constructor(upload: IncomingUpload, announcedSize: number | undefined) {
    this.upload = upload;
    this.announceSize(announcedSize);
  }

  /** Some clients tell the size beforehand (WinSCP in OPEN, lftp in FSETSTAT): what differs is truncated. */
  announceSize(size: number | undefined): void {
    if (size !== undefined && size > 0) this.#announcedSize = size;
  }

  /** @throws {Refusal} also when the client goes back or leaves too large a gap */
  async write(offset: number, data: Buffer): Promise<void> {
    if (offset > this.#position) return this.#hold(offset, data);
    if (offset < this.#position)
      throw await this.#giveUp(
        'Files are sent once, from the first byte to the last. Resuming is not possible: send the whole file.',
      );
    await this.upload.write(data);
    this.#position += data.length;
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
    await this.upload.seal();
  }

  async #hold(offset: number, data: Buffer): Promise<void> {
    if (!this.upload.open && this.upload.refusal) throw this.upload.refusal;
    this.#aheadBytes += data.length - (this.#ahead.get(offset)?.length ?? 0);
    if (this.#aheadBytes > MAX_AHEAD_BYTES) {
      throw await this.#giveUp(
        `More than ${MAX_AHEAD_BYTES / 1024 / 1024} MB were sent ahead of a missing piece at byte ${this.#position}.`,
      );
    }
    this.#ahead.set(offset, data);
  }

  async #releaseHeld(): Promise<void> {
    for (let next = this.#ahead.get(this.#position); next; next = this.#ahead.get(this.#position)) {
      this.#ahead.delete(this.#position);
      this.#aheadBytes -= next.length;
      await this.upload.write(next);
      this.#position += next.length;
    }
  }

  async #giveUp(message: string): Promise<Refusal> {
    this.#ahead.clear();
    const refusal = new Refusal('INCOMPLETE_FILE', message);
    await this.upload.abandon(refusal);
    return refusal;
  }
}
