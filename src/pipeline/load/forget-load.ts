import type { Queryable } from '../../database/pool.ts';
import type { OrganizationId, UploadId } from '../../support/ids.ts';

/**
 * Forgets that an upload was loaded, so that its next run merges its rows again. The rows stay, and still count as
 * received when they were, so a replay of an old file puts nothing in the place of a newer one.
 */
export async function forgetLoad(
  client: Queryable,
  organizationId: OrganizationId,
  uploadId: UploadId,
): Promise<void> {
  await client.query('DELETE FROM public.load_ledger WHERE organization_id = $1 AND upload_id = $2', [
    organizationId,
    uploadId,
  ]);
}
