import type { OrganizationId, UploadId } from '../../support/ids.ts';
import { CopyRows } from './copy-rows.ts';
import { timestampEncoder } from './instants.ts';

/** Where the rows of a file come from. */
interface RowOrigin {
  readonly organizationId: OrganizationId;
  readonly uploadId: UploadId;
  /** PostgreSQL's text, with microseconds. */
  readonly receivedAt: string;
}

/** What every row of a file begins with: the number of fields, the organization, the upload and the time of receipt. */
export function rowPrefix({ organizationId, uploadId, receivedAt }: RowOrigin, columns: number): Buffer {
  const organization = Buffer.from(organizationId);
  const out = new CopyRows(64 + organization.length);
  out.int16(4 + columns);
  out.int32(organization.length);
  out.copy(organization, 0, organization.length);
  const upload = Buffer.from(uploadId.replaceAll('-', ''), 'hex');
  out.int32(upload.length);
  out.copy(upload, 0, upload.length);
  // PostgreSQL leaves out the minutes of most offsets.
  const received = Buffer.from(receivedAt.replace(/[+-]\d\d$/, '$&:00'));
  if (!timestampEncoder({ seconds: 0, microseconds: 0 })(out, received, 0, received.length))
    throw new Error(`The time of receipt of upload ${uploadId} is not an ISO timestamp: ${receivedAt}.`);
  return out.bytes.subarray(0, out.at);
}
