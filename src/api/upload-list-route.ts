import type { FastifyInstance, FastifyReply } from 'fastify';
import type { UploadSource, UploadStatus } from '../intake/uploads.ts';
import { parseUploadId, type UploadId } from '../support/ids.ts';
import type { ApiPorts } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { ref, SOURCES, STATUSES } from './openapi/components.ts';
import { ETAG_HEADER, json, NOT_MODIFIED, problems, WITH_TOKEN } from './openapi/responses.ts';
import {
  instantOf,
  integerParameter,
  invalid,
  query,
  textParameter,
  timeParameter,
  wordParameter,
} from './query-parameters.ts';
import { uploadView } from './upload-views.ts';

interface ListQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly schemaType?: string;
  readonly status?: UploadStatus;
  readonly source?: UploadSource;
  readonly fileName?: string;
  readonly since?: string;
  readonly until?: string;
}

const schema = {
  operationId: 'listUploads',
  tags: ['Uploads'],
  summary: 'Find uploads, by SFTP and HTTP, newest first',
  querystring: query({
    limit: integerParameter('Uploads in a page.', { minimum: 1, maximum: 100, default: 50 }),
    cursor: textParameter('The nextCursor of the page before.'),
    schemaType: textParameter('Only this schema type.'),
    status: wordParameter('Only this status.', STATUSES),
    source: wordParameter('Only files that came this way.', SOURCES),
    fileName: textParameter(
      'Only this file name; or a pattern, in any case of letters, in which * stands for any characters.',
    ),
    since: timeParameter('Only uploads that began at this time or later.'),
    until: timeParameter('Only uploads that began before this time.'),
  }),
  response: {
    200: json(
      'A page of uploads.',
      {
        type: 'object',
        properties: {
          uploads: { type: 'array', items: ref('Upload') },
          nextCursor: {
            type: ['string', 'null'],
            description: 'For the next page, with the same filters. Null: there is none.',
          },
        },
        required: ['uploads', 'nextCursor'],
        additionalProperties: false,
      },
      { ...ETAG_HEADER, link: { type: 'string', description: 'The next page, as rel="next" (RFC 8288).' } },
    ),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER'),
  },
};

/** `GET /uploads`. Ids sort by the time when an upload began (UUIDv7), so pages stay stable while others come. */
export function uploadListRoute(app: FastifyInstance, { listUploads }: Pick<ApiPorts, 'listUploads'>): void {
  app.get<{ Querystring: ListQuery }>('/uploads', { schema }, async (request, reply) => {
    const { limit, cursor, since, until, ...filters } = request.query;
    const found = await listUploads({
      ...filters,
      organizationId: accessOf(request).organizationId,
      since: instantOf('since', since),
      until: instantOf('until', until),
      before: readCursor(cursor),
      // One more than is shown tells whether there is a next page.
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    const nextCursor = last ? writeCursor(last.id) : null;
    if (nextCursor !== null) linkNext(reply, request.url, nextCursor);
    return { uploads: page.map(uploadView), nextCursor };
  });
}

/** Says which version of cursors it is, so that clients that kept one over an update get a clear answer. */
const CURSOR_VERSION = 'u1:';

function writeCursor(id: UploadId): string {
  return Buffer.from(`${CURSOR_VERSION}${id}`).toString('base64url');
}

function readCursor(cursor: string | undefined): UploadId | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  const id = text.startsWith(CURSOR_VERSION) && parseUploadId(text.slice(CURSOR_VERSION.length));
  // Base64 has several texts for the same bytes; only the one that was given is taken.
  if (!id || writeCursor(id) !== cursor) throw invalid('cursor', 'the nextCursor of the page before');
  return id;
}

function linkNext(reply: FastifyReply, url: string, cursor: string): void {
  const next = new URL(url, 'http://relative');
  next.searchParams.set('cursor', cursor);
  reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
}
