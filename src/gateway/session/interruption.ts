import type { IncomingUpload } from '../../intake/incoming-upload.ts';
import { Refusal } from '../../intake/refusal.ts';
import type { Warning } from '../../intake/uploads.ts';
import type { WriteRequest } from '../sftp/requests.ts';

/** Shorter than what any common client sends at once, from curl's 30,000 bytes to OpenSSH's 261,120. */
const SHORTEST_FULL_WRITE = 16 * 1024;

const MAYBE_INTERRUPTED: Warning = {
  code: 'MAYBE_INTERRUPTED',
  message:
    'The file ends exactly where an interrupted transfer would, between two lines. If rows are missing, send the file again.',
};

/**
 * Tells an interrupted transfer from a complete one. OpenSSH's sftp answers ^C, and paramiko an error, by closing
 * the file as if it were whole. But such a file ends with a full WRITE, where a whole one ends with a shorter
 * one in all but one case of some ten thousand.
 */
export class Interruption {
  #longest = 0;
  #writes = 0;
  #last = { end: 0, length: 0 };

  note(requests: readonly Pick<WriteRequest, 'offset' | 'length'>[]): void {
    for (const { offset, length } of requests) {
      this.#writes += 1;
      this.#longest = Math.max(this.#longest, length);
      if (offset + length > this.#last.end) this.#last = { end: offset + length, length };
    }
  }

  /**
   * Call before the file is sealed. JSON needs no such look: it closes, or it does not.
   * @returns a refusal when a CSV file ends with a full WRITE in the middle of a line, a warning when between lines
   */
  look(upload: Pick<IncomingUpload, 'format' | 'lastByte'>): Refusal | Warning | undefined {
    // A single WRITE does not tell how long a full one is.
    const full =
      this.#writes > 1 && this.#last.length === this.#longest && this.#longest >= SHORTEST_FULL_WRITE;
    if (!full || upload.format !== 'csv') return undefined;
    if (upload.lastByte === 0x0a || upload.lastByte === 0x0d) return MAYBE_INTERRUPTED;
    return new Refusal(
      'INCOMPLETE_FILE',
      'The file ends in the middle of a line, as an interrupted transfer does. Send it again; if it is whole, end its last line with a line break.',
    );
  }
}
