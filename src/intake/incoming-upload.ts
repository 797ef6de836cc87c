import { createHash } from 'node:crypto';
import type { RawObjectWriter } from '../storage/raw-store.ts';
import type { UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import { inSpan, type Span, type SpanOptions, type Traces } from '../telemetry/traces.ts';
import { Head } from './head.ts';
import { asFault, Refusal, tooLarge } from './refusal.ts';
import { type NewUpload, UnknownOutcome, type UploadRecords } from './upload-records.ts';
import type { FileFormat, Warning } from './uploads.ts';

/** Reads as much of a file as it needs to know whether it can be processed. @throws {FileFault} */
export type Preflight = (bytes: AsyncIterable<Uint8Array>) => Promise<void>;

/** How an upload ended, for metrics and logs. */
export type Outcome = 'received' | 'refused' | 'abandoned';

export interface IncomingUploadOptions {
  readonly upload: NewUpload;
  readonly writer: RawObjectWriter;
  readonly records: UploadRecords;
  readonly preflight: Preflight;
  readonly maxBytes: number;
  readonly logger: Logger;
  readonly onBytes: (count: number) => void;
  readonly onEnd: (outcome: Outcome, reason?: Refusal) => void;
  /** Told when the file is acknowledged: how long that took since its last byte, in seconds. */
  readonly onAcknowledged: (seconds: number) => void;
  readonly traces: Traces;
  /** From the admission to the end, whichever it is. */
  readonly span: Span;
}

type State = 'receiving' | 'sealed' | 'received' | 'ended';

/**
 * One file on its way in: receiving → sealed (the object is durable) → received (acknowledged), or → ended.
 * Calls take their turn, so `abandon` may come at any time, from the session's end or from a revoked credential.
 * After any rejection the upload has ended and left nothing behind.
 */
export class IncomingUpload {
  readonly id: UploadId;
  readonly #options: IncomingUploadOptions;
  readonly #hash = createHash('sha256');
  readonly #head = new Head();
  readonly #preflight: Promise<void>;
  #preflightFault: unknown;
  #state: State = 'receiving';
  #size = 0;
  #lastByte: number | undefined;
  readonly #warnings: Warning[] = [];
  #maxBytes: number;
  #refusal: Refusal | undefined;
  /** What sealing and committing took, in milliseconds; the wait for a rename in between is the client's. */
  #acknowledging = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: IncomingUploadOptions) {
    this.id = options.upload.id;
    this.#options = options;
    this.#maxBytes = options.maxBytes;
    this.#preflight = options.preflight(this.#head).then(
      () => this.#head.stop(),
      (error: unknown) => {
        this.#preflightFault = error;
        this.#head.stop();
      },
    );
  }

  get format(): FileFormat {
    return this.#options.upload.format;
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size;
  }

  /** The last byte received so far. */
  get lastByte(): number | undefined {
    return this.#lastByte;
  }

  get open(): boolean {
    return this.#state === 'receiving' || this.#state === 'sealed';
  }

  /** Goes into the upload's record when the file is received. */
  warn(warning: Warning): void {
    this.#warnings.push(warning);
  }

  /** Lowers the limit that the upload began with; the next write meets it. Null: no limit of its own. */
  limitSize(maxBytes: number | null): void {
    if (maxBytes !== null) this.#maxBytes = Math.min(this.#maxBytes, maxBytes);
  }

  /** Why the upload ended before it was received. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /**
   * Takes the next bytes of the file, in one piece or several. Resolves when there is room for more.
   * @throws {Refusal} too large, unusable by its first record, store out of reach
   */
  write(...chunks: readonly Uint8Array[]): Promise<void> {
    return this.#inTurn(() => this.#write(chunks));
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#expect('receiving');
    try {
      this.#throwPreflightFault();
      const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      if (this.#size + size > this.#maxBytes) throw tooLarge(this.#maxBytes);
      this.#size += size;
      this.#options.onBytes(size);
      for (const chunk of chunks) {
        this.#hash.update(chunk);
        await this.#showPreflight(chunk);
        this.#lastByte = chunk.at(-1) ?? this.#lastByte;
      }
      await this.#options.writer.write(...chunks);
    } catch (error) {
      throw await this.#end('refused', Refusal.from(error));
    }
  }

  /** Once the reader has seen enough its verdict is awaited: a client that ignores CLOSE (curl) has to hear it now. */
  async #showPreflight(chunk: Uint8Array): Promise<void> {
    if (this.#head.stopped) return;
    await this.#head.push(chunk);
    if (this.#head.stopped) await this.#preflight;
    this.#throwPreflightFault();
  }

  /** Makes the object durable. The file still counts for nothing. @throws {Refusal} */
  seal(): Promise<void> {
    return this.#inTurn(() => this.#timed('store file', {}, () => this.#seal()));
  }

  async #seal(): Promise<void> {
    this.#expect('receiving');
    try {
      if (this.#size === 0) throw new Refusal('EMPTY_FILE', 'The file is empty. Nothing was stored.');
      this.#head.end();
      await this.#preflight;
      this.#throwPreflightFault();
      await this.#options.writer.complete();
      this.#state = 'sealed';
    } catch (error) {
      throw await this.#end('refused', Refusal.from(error));
    }
  }

  /** Acknowledges the sealed file under its final name: it will be processed whatever happens. @throws {Refusal} */
  commit(fileName = this.#options.upload.fileName): Promise<Date> {
    return this.#inTurn(async () => {
      const receivedAt = await this.#timed('record and enqueue', { kind: 'producer' }, (span) =>
        this.#commit(fileName, span),
      );
      this.#endSpan();
      this.#options.onAcknowledged(this.#acknowledging / 1_000);
      return receivedAt;
    });
  }

  async #commit(fileName: string, { traceparent }: Span): Promise<Date> {
    this.#expect('sealed');
    const { organizationId, schemaType } = this.#options.upload;
    try {
      const sha256 = this.#hash.digest();
      const receivedAt = await this.#options.records.commit({
        id: this.id,
        organizationId,
        schemaType,
        fileName,
        sizeBytes: this.#size,
        sha256,
        warnings: this.#warnings,
        traceparent,
      });
      this.#state = 'received';
      this.#options.logger.info(
        { fileName, sizeBytes: this.#size, sha256: sha256.toString('hex') },
        'file received',
      );
      this.#options.onEnd('received');
      return receivedAt;
    } catch (error) {
      // What may have been acknowledged keeps its object; the record will tell, and the sweeper act on it.
      throw await this.#end('refused', Refusal.from(error), error instanceof UnknownOutcome);
    }
  }

  /** Ends an upload that its sender left unfinished. Fine at any time; a received file stays received. */
  abandon(reason: Refusal): Promise<void> {
    return this.#inTurn(async () => {
      if (this.open) await this.#end('abandoned', reason);
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #timed<Result>(
    step: string,
    options: SpanOptions,
    work: (span: Span) => Promise<Result>,
  ): Promise<Result> {
    const { traces, span: parent } = this.#options;
    const began = performance.now();
    try {
      return await inSpan(traces, step, { ...options, parent }, work);
    } finally {
      this.#acknowledging += performance.now() - began;
    }
  }

  #endSpan(error?: Refusal): void {
    const { span } = this.#options;
    span.set({ 'piing.size_bytes': this.#size });
    span.end(error);
  }

  #expect(state: State): void {
    if (this.#state !== state)
      throw this.#refusal ?? new Refusal('SERVICE_UNAVAILABLE', 'The upload has already ended.');
  }

  #throwPreflightFault(): void {
    if (this.#preflightFault !== undefined) throw this.#preflightFault;
  }

  async #end(outcome: Outcome, refusal: Refusal, keepObject = false): Promise<Refusal> {
    this.#state = 'ended';
    this.#refusal = refusal;
    this.#head.stop();
    const { writer, records, logger } = this.#options;
    const fields = {
      code: refusal.code,
      reason: refusal.message,
      sizeBytes: this.#size,
      err: refusal.retryable ? refusal.cause : undefined,
    };
    logger.warn(fields, `upload ${outcome}`);
    const discarded = keepObject ? false : await writer.abort();
    await records.abandon(this.id, asFault(refusal), discarded).catch((error: unknown) => {
      logger.error({ err: error }, 'abandoned upload could not be recorded; the sweeper will');
    });
    this.#endSpan(refusal);
    this.#options.onEnd(outcome, refusal);
    return refusal;
  }
}
