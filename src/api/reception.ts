import type { Multipart, MultipartFile } from '@fastify/multipart';
import { Refusal } from '../intake/refusal.ts';
import type { Destination, Receipt } from './destinations.ts';
import { describeFile, type FileDescription } from './file-part.ts';
import { readFile, slowBody } from './multipart.ts';
import { Problem } from './problems.ts';
import type { UploadFields } from './upload-fields.ts';

/** Most bytes of a file that are held in memory while the fields that say what it is have not come. */
const MAX_HELD_BYTES = 1024 * 1024;

export interface ReceptionOptions {
  readonly fields: UploadFields;
  /** Opens the destination of a file whose schema type is known. */
  readonly open: (
    file: FileDescription,
    schemaType: string,
    idempotencyKey: string | undefined,
  ) => Promise<Destination>;
  /** Aborted when the server can no longer wait for the rest of the file. */
  readonly stopping: AbortSignal;
  /** Aborted when the client sends too slowly. */
  readonly tooSlow: AbortSignal;
}

/**
 * One upload request: fields and a file, in the order in which the client sends them. The file streams to its
 * destination as soon as the schema type is known; until then a small one is held.
 */
export class Reception {
  readonly #options: ReceptionOptions;
  #file: FileDescription | undefined;
  #destination: Destination | undefined;
  #held: Buffer | undefined;
  #heldBytes = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Reads the whole body. After a rejection nothing of it is left. @throws {Refusal} @throws {Problem} */
  async receive(parts: AsyncIterable<Multipart>): Promise<Receipt> {
    try {
      for await (const part of parts) {
        if (part.type === 'field') this.#options.fields.add(part);
        else await this.#receiveFile(part);
      }
      const destination = this.#destination ?? (await this.#openHeld());
      return await destination.finish();
    } catch (error) {
      await this.#destination?.abandon(asRefusal(error));
      throw error;
    }
  }

  async #receiveFile(part: MultipartFile): Promise<void> {
    const { stopping, tooSlow, fields } = this.#options;
    this.#file = describeFile(part);
    // Ends the wait for the client's next bytes, which may never come.
    const stop = () => part.file.destroy(draining());
    const giveUp = () => part.file.destroy(slowBody());
    stopping.addEventListener('abort', stop);
    tooSlow.addEventListener('abort', giveUp);
    try {
      if (fields.schemaType !== undefined) await this.#open(this.#file, fields.schemaType);
      for await (const chunk of readFile(part.file)) {
        if (this.#destination) await this.#destination.write(chunk);
        else this.#hold(chunk);
      }
    } finally {
      stopping.removeEventListener('abort', stop);
      tooSlow.removeEventListener('abort', giveUp);
    }
    // The parser stopped handing out bytes: whatever the intake has is not the whole file.
    if (part.file.truncated) throw new Refusal('FILE_TOO_LARGE', 'The file is larger than what is accepted.');
  }

  async #open(file: FileDescription, schemaType: string): Promise<Destination> {
    const { fields, open } = this.#options;
    fields.close();
    this.#destination = await open(file, schemaType, fields.idempotencyKey);
    return this.#destination;
  }

  /** Copies into one buffer: a list of the tiny pieces that a client may send takes many times their size. */
  #hold(chunk: Uint8Array): void {
    if (this.#heldBytes + chunk.length > MAX_HELD_BYTES) {
      throw new Problem(
        'FIELDS_AFTER_FILE',
        'Send schemaType before file, or as ?schemaType= in the URL: only small files may come first. Nothing was stored.',
      );
    }
    this.#held ??= Buffer.allocUnsafe(MAX_HELD_BYTES);
    this.#held.set(chunk, this.#heldBytes);
    this.#heldBytes += chunk.length;
  }

  async #openHeld(): Promise<Destination> {
    const file = this.#file;
    if (!file) {
      throw new Problem(
        'MISSING_FILE',
        'Send the file as the part "file"; with curl: -F file=@transactions.csv',
      );
    }
    const { schemaType } = this.#options.fields;
    if (schemaType === undefined) {
      throw new Problem(
        'MISSING_SCHEMA_TYPE',
        'Send the field schemaType; GET /api/external/schemas lists the names.',
      );
    }
    const destination = await this.#open(file, schemaType);
    if (this.#held) await destination.write(this.#held.subarray(0, this.#heldBytes));
    return destination;
  }
}

function draining(): Refusal {
  return new Refusal('DRAINING', 'The server restarted before the file was complete. Send it again.');
}

/** The reason that the upload's record keeps. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Problem) return new Refusal('INCOMPLETE_FILE', error.message, error);
  return Refusal.from(error);
}
