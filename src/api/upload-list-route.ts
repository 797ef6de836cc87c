import type { FastifyInstance } from 'fastify';
import type { UploadRecord, UploadStatus } from '../intake/uploads.ts';
import { parseUploadId, type UploadId } from '../support/ids.ts';
import type { ApiPorts } from './api-options.ts';
import { accessOf } from './authentication.ts';
import {
  integerParameter,
  invalid,
  type Query,
  textParameter,
  timeParameter,
  wordParameter,
} from './query-parameters.ts';
import { uploadView } from './upload-views.ts';

const PAGE_SIZE = { minimum: 1, maximum: 100, fallback: 50 };

const STATUSES: Readonly<Record<UploadStatus, true>> = {
  RECEIVING: true,
  PENDING: true,
  PROCESSING: true,
  COMPLETED: true,
  PARTIALLY_COMPLETED: true,
  FAILED: true,
  ABANDONED: true,
};

/**
 * `GET /uploads`: the organization's uploads by SFTP and HTTP, newest first. `since` and `until` mean when an
 * upload began. Ids sort by that time (UUIDv7), so an id is both the cursor and a point in time.
 */
export function uploadListRoute(app: FastifyInstance, { listUploads }: Pick<ApiPorts, 'listUploads'>): void {
  app.get('/uploads', async (request) => {
    const query = request.query as Query;
    const limit = integerParameter(query, 'limit', PAGE_SIZE);
    const since = timeParameter(query, 'since');
    const found = await listUploads({
      organizationId: accessOf(request).organizationId,
      schemaType: textParameter(query, 'schemaType'),
      status: wordParameter(query, 'status', Object.keys(STATUSES) as UploadStatus[]),
      fileName: textParameter(query, 'fileName'),
      before: earlier(cursorOf(query), firstIdAt(timeParameter(query, 'until'))),
      // One more than is shown tells whether there is a next page.
      limit: limit + 1,
    });
    const recent = found.filter((upload) => !since || upload.createdAt >= since);
    const page = recent.slice(0, limit);
    return { uploads: page.map(uploadView), nextCursor: recent.length > limit ? lastId(page) : null };
  });
}

function cursorOf(query: Query): UploadId | undefined {
  const text = textParameter(query, 'cursor');
  if (text === undefined) return undefined;
  const id = parseUploadId(text);
  if (!id) throw invalid('cursor', 'the nextCursor of the page before');
  return id;
}

function earlier(one: UploadId | undefined, other: UploadId | undefined): UploadId | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}

/** The smallest id that an upload begun at that time can have (RFC 9562, section 5.7). */
function firstIdAt(time: Date | undefined): UploadId | undefined {
  const hex = time?.getTime().toString(16).padStart(12, '0');
  return hex === undefined
    ? undefined
    : parseUploadId(`${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`);
}

function lastId(page: readonly UploadRecord[]): UploadId | null {
  return page.at(-1)?.id ?? null;
}
