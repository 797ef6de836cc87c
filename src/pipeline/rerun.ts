import { dropJob, requestCancel } from '../database/job-endings.ts';
import { jobSender, replaySender } from '../database/job-queue.ts';
import { inTransaction, type Pool, type Queryable } from '../database/pool.ts';
import type { UploadStatus } from '../intake/uploads.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import { forgetLoad } from './load/forget-load.ts';
import { cancelProcessing, reopenUpload } from './progress.ts';

/** What became of a request to run an upload again or to stop it. `refused`: a sentence for the administrator. */
export type Answer = { readonly done: true } | { readonly done: false; readonly refused: string };

export const REPLAYABLE = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'] as const;

const DONE: Answer = { done: true };
const refuse = (refused: string): Answer => ({ done: false, refused });

/** Runs a failed upload again. Status and job change together: an upload is never PENDING without a job. */
export async function retryUpload(control: Pool, id: UploadId): Promise<Answer> {
  return inTransaction(control, async (client) => {
    const organizationId = await reopenUpload(client, id, ['FAILED']);
    if (!organizationId)
      return whyNot(client, id, 'Only FAILED uploads are retried; piing uploads replay runs others.');
    await jobSender.send(client, { uploadId: id, organizationId });
    return DONE;
  });
}

/**
 * Runs an ended upload again, also one whose rows are in the tables. The ledger, which may be on another server,
 * forgets first: dying in between leaves an upload as it was, whose next run merges the same rows again. The other
 * way round a quick worker would still find the ledger's row and change nothing.
 */
export async function replayUpload(
  control: Pool,
  analytics: Queryable,
  upload: { readonly id: UploadId; readonly organizationId: OrganizationId },
): Promise<Answer> {
  const { id, organizationId } = upload;
  await forgetLoad(analytics, organizationId, id);
  return inTransaction(control, async (client) => {
    if (!(await reopenUpload(client, id, REPLAYABLE))) return whyNot(client, id, 'It has not ended yet.');
    await replaySender.send(client, { uploadId: id, organizationId });
    return DONE;
  });
}

/**
 * Stops an upload that waits, here, or one that runs, by its worker within seconds. It ends FAILED with the code
 * CANCELLED, unless its rows were there before the request.
 */
export async function cancelUpload(control: Pool, id: UploadId): Promise<Answer> {
  return inTransaction(control, async (client) => {
    const job = await requestCancel(client, id);
    if (job === 'running') return DONE;
    if (!(await cancelProcessing(client, id))) return whyNot(client, id, 'There is nothing to stop.');
    await dropJob(client, { uploadId: id });
    return DONE;
  });
}

async function whyNot(client: Queryable, id: UploadId, rule: string): Promise<Answer> {
  const found = await client.query<{ status: UploadStatus; rawRemovedAt: Date | null }>(
    'SELECT status, raw_removed_at AS "rawRemovedAt" FROM piing.uploads WHERE id = $1',
    [id],
  );
  const upload = found.rows[0];
  if (!upload) return refuse(`There is no upload ${id}.`);
  const { status, rawRemovedAt } = upload;
  if (rawRemovedAt) {
    const day = rawRemovedAt.toISOString().slice(0, 10);
    return refuse(
      `Upload ${id} cannot be run again: retention removed its file on ${day}. Ask for the file to be sent again.`,
    );
  }
  return refuse(`Upload ${id} is ${status}. ${rule}`);
}
