import { insertJobs, JOBS_CHANNEL } from '../database/job-queue.ts';
import { inTransaction, isTransientDatabaseError, type Pool } from '../database/pool.ts';
import type { Fault } from '../schemas/faults.ts';
import type { ClientId, InstanceId, OrganizationId, UploadId } from '../support/ids.ts';
import { announceUpload } from '../webhooks/announce.ts';
import { LateEndings } from './late-endings.ts';
import { Refusal } from './refusal.ts';
import type { FileFormat, UploadSource, Warning } from './uploads.ts';

export interface NewUpload {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly clientId: ClientId;
  readonly schemaType: string;
  readonly fileName: string;
  readonly format: FileFormat;
  readonly source: UploadSource;
  readonly remoteAddress: string;
  readonly objectKey: string;
  readonly idempotencyKey: string | undefined;
}

export interface ReceivedFile {
  readonly id: UploadId;
  readonly organizationId: OrganizationId;
  readonly schemaType: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: Buffer;
  readonly warnings: readonly Warning[];
  /** Of the upload's trace, for whoever processes it. */
  readonly traceparent: string | undefined;
}

/** The receiving half of an upload's life in the control database. */
export interface UploadRecords {
  /** @throws {Refusal} `IDEMPOTENCY_KEY_IN_USE` when another upload holds the key. */
  begin(upload: NewUpload): Promise<void>;
  /**
   * The acknowledgement: status PENDING and the job, in one transaction. Returns the time of receipt.
   * @throws {UnknownOutcome} when it may have happened and the database does not say
   */
  commit(file: ReceivedFile): Promise<Date>;
  /**
   * Marks an upload that will never be acknowledged, with the reason; while the database is away, later. Unless its
   * object is gone for certain (`discarded`), the sweeper removes it.
   */
  abandon(id: UploadId, reason: Fault | undefined, discarded: boolean): Promise<void>;
}

// The statements of the hot path are prepared once a connection: planning costs more than running them.
const INSERT = `
INSERT INTO piing.uploads (id, organization_id, client_id, schema_type, file_name, format, source,
                           remote_address, object_key, idempotency_key, instance_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

// The latest received file wins, so a file that is acknowledged is received after all that were before it, even when the
// clock has been set back since (docs/decisions/0035). Times that are further ahead than a day are an accident.
const TIME_OF_RECEIPT = `greatest(clock_timestamp(), (
         SELECT l.received_at + interval '1 microsecond' FROM piing.uploads l
          WHERE l.received_at IS NOT NULL AND l.received_at < now() + interval '1 day'
          ORDER BY l.received_at DESC LIMIT 1))`;

// A file with the same bytes is still processed: the merge makes that harmless, and the record says so.
// One statement is one transaction: there is no PENDING upload without its job.
const MARK_RECEIVED = `
WITH received AS (
UPDATE piing.uploads u
   SET status = 'PENDING', received_at = ${TIME_OF_RECEIPT}, size_bytes = $2, sha256 = $3, file_name = $4,
       received_warnings = $7, warnings = $7,
       duplicate_of = (SELECT d.id FROM piing.uploads d
                        WHERE d.organization_id = $5 AND d.schema_type = $6 AND d.sha256 = $3 AND d.id <> $1
                          AND d.status NOT IN ('RECEIVING', 'ABANDONED')
                        ORDER BY d.received_at LIMIT 1)
 WHERE u.id = $1 AND u.status = 'RECEIVING'
RETURNING u.id, u.organization_id, u.schema_type, u.size_bytes, u.received_at
), job AS (${insertJobs('received', 'by size', '$8')})
SELECT received.received_at, pg_notify('${JOBS_CHANNEL}', 'ready') FROM received, job`;

const MARK_ABANDONED = `
UPDATE piing.uploads SET status = 'ABANDONED', completed_at = now(), discard_pending = $2
 WHERE id = $1 AND status = 'RECEIVING'`;

const INSERT_REASON = `
INSERT INTO piing.upload_errors (upload_id, ordinal, line, column_name, code, message, value)
VALUES ($1, 0, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

const UNIQUE_VIOLATION = '23505';
/** How long a client waits for its acknowledgement while the database is away, in milliseconds. */
const COMMIT_PATIENCE_MS = 8_000;

/** The connection broke while the database committed, and it did not come back in time to say whether it did. */
export class UnknownOutcome extends Refusal {
  constructor(cause: unknown) {
    super(
      'SERVICE_UNAVAILABLE',
      'The file arrived, but the database did not confirm it in time. Send it again: rows that arrive twice are loaded once.',
      cause,
    );
  }
}

export function createUploadRecords(pool: Pool, instanceId: InstanceId): UploadRecords {
  const late = new LateEndings<UploadId>();
  return {
    begin: (upload) =>
      begin(pool, instanceId, upload).catch((error: unknown) => {
        // The record may be there all the same, when only the answer was lost.
        if (isTransientDatabaseError(error))
          late.add(upload.id, () => abandon(pool, upload.id, undefined, true));
        throw error;
      }),
    commit: (file) => commit(pool, file),
    abandon: (id, reason, discarded) =>
      abandon(pool, id, reason, discarded).catch((error: unknown) => {
        if (!isTransientDatabaseError(error)) throw error;
        late.add(id, () => abandon(pool, id, reason, discarded));
      }),
  };
}

async function begin(pool: Pool, instanceId: InstanceId, upload: NewUpload): Promise<void> {
  const { id, organizationId, clientId, schemaType, fileName, format, source } = upload;
  const place = [upload.remoteAddress, upload.objectKey, upload.idempotencyKey ?? null, instanceId];
  try {
    await pool.query({
      name: 'begin-upload',
      text: INSERT,
      values: [id, organizationId, clientId, schemaType, fileName, format, source, ...place],
    });
  } catch (error) {
    if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
    throw new Refusal(
      'IDEMPOTENCY_KEY_IN_USE',
      'An upload with this idempotency key is being received.',
      error,
    );
  }
}

/** A database that goes away for moments, as in a failover, costs no upload: the transaction is run again. */
async function commit(pool: Pool, file: ReceivedFile): Promise<Date> {
  const deadline = performance.now() + COMMIT_PATIENCE_MS;
  for (;;) {
    try {
      return await markReceived(pool, file);
    } catch (error) {
      if (!isTransientDatabaseError(error)) throw error;
      const receivedAt = await outcomeOf(pool, file.id, deadline).catch((cause: unknown) => {
        throw new UnknownOutcome(cause);
      });
      if (receivedAt) return receivedAt;
      if (performance.now() > deadline) throw error;
    }
  }
}

async function markReceived(pool: Pool, file: ReceivedFile): Promise<Date> {
  const { id, sizeBytes, sha256, fileName, organizationId, schemaType, warnings, traceparent } = file;
  const marked = await pool.query<{ received_at: Date }>({
    name: 'mark-received',
    text: MARK_RECEIVED,
    values: [
      id,
      sizeBytes,
      sha256,
      fileName,
      organizationId,
      schemaType,
      JSON.stringify(warnings),
      traceparent ?? null,
    ],
  });
  const receivedAt = marked.rows[0]?.received_at;
  if (!receivedAt)
    throw new Refusal(
      'SERVICE_UNAVAILABLE',
      'The upload was given up while it was received. Send the file again.',
    );
  return receivedAt;
}

/**
 * The connection broke and COMMIT may or may not have happened. Telling the client "failed" while the file
 * goes on to be processed would break the promise, so ask until the database answers.
 */
async function outcomeOf(pool: Pool, id: UploadId, deadline: number): Promise<Date | undefined> {
  for (;;) {
    try {
      const found = await pool.query<{ received_at: Date | null }>(
        'SELECT received_at FROM piing.uploads WHERE id = $1',
        [id],
      );
      return found.rows[0]?.received_at ?? undefined;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function abandon(
  pool: Pool,
  id: UploadId,
  reason: Fault | undefined,
  discarded: boolean,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(MARK_ABANDONED, [id, !discarded]);
    if (rowCount === 0) return;
    if (reason) {
      const { line, column, code, message } = reason;
      // PostgreSQL's text has no NUL, and JSON may have one escaped.
      const value = reason.value?.replaceAll('\0', '␀') ?? null;
      await client.query(INSERT_REASON, [id, line, column, code, message, value]);
    }
    await announceUpload(client, id);
  });
}
