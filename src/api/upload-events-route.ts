import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FINAL_STATUSES, type UploadRecord } from '../intake/uploads.ts';
import type { ApiOptions } from './api-options.ts';
import type { HttpLimits } from './limits.ts';
import { ref } from './openapi/components.ts';
import { problems, WITH_TOKEN } from './openapi/responses.ts';
import { ownUpload, type UploadParams, uploadParams } from './own-upload.ts';
import { query } from './query-parameters.ts';
import { uploadView } from './upload-views.ts';
import type { Wait, Waiting } from './waiting.ts';

/** How long the client waits before it comes back, in milliseconds. */
const RETRY_MS = 2_000;

type EventsOptions = Pick<ApiOptions, 'findUpload' | 'limits'>;
type EventsRequest = FastifyRequest<{ Params: UploadParams }>;

const EVENT = {
  type: 'object',
  properties: {
    event: { type: 'string', enum: ['status'] },
    id: { type: 'string', description: 'For Last-Event-ID.' },
    data: { type: 'string', contentMediaType: 'application/json', contentSchema: ref('Upload') },
  },
  required: ['event', 'id', 'data'],
};

const schema = {
  operationId: 'watchUpload',
  tags: ['Uploads'],
  summary: 'Changes of status as server-sent events, to the final one',
  description:
    'Each event has the name "status" and an upload as its data. A status that lasts only moments may be left out. ' +
    'The stream ends after the final status; who asks again with its Last-Event-ID gets 204.',
  params: uploadParams,
  querystring: query({}),
  headers: {
    type: 'object',
    properties: { 'last-event-id': { type: 'string', description: 'The id of the last event received.' } },
  },
  response: {
    200: { description: 'The events.', content: { 'text/event-stream': { schema: EVENT } } },
    204: { description: 'The last event was the final one.', type: 'null' },
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND', 'TOO_MANY_WAITERS'),
  },
};

/** `GET /{id}/events`, as the HTML standard has server-sent events. */
export function uploadEventsRoute(app: FastifyInstance, options: EventsOptions, waiting: Waiting): void {
  app.get('/:id/events', { schema, exposeHeadRoute: false }, async (request: EventsRequest, reply) => {
    const upload = await ownUpload(request, options);
    const seen = request.headers['last-event-id'];
    // EventSource comes back after every end of a stream, until it is told that there is no more.
    if (FINAL_STATUSES.has(upload.status) && seen === eventId(upload)) return reply.code(204).send();
    const wait = waiting.begin(request, reply);
    const reread = () => ownUpload(request, options);
    const stream = events({ first: upload, seen: String(seen ?? ''), wait, reread, limits: options.limits });
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        // nginx would hold events back until its buffer is full.
        .header('x-accel-buffering', 'no')
        .send(Readable.from(stream, { objectMode: false }))
    );
  });
}

interface EventSource {
  readonly first: UploadRecord;
  /** The id of the last event that the client has had. */
  readonly seen: string;
  readonly wait: Wait;
  readonly reread: () => Promise<UploadRecord>;
  readonly limits: Pick<HttpLimits, 'eventsMs' | 'heartbeatMs'>;
}

async function* events({ first, seen, wait, reread, limits }: EventSource): AsyncGenerator<string> {
  const end = performance.now() + limits.eventsMs;
  yield `retry: ${RETRY_MS}\n\n`;
  let upload = first;
  let last = seen;
  for (;;) {
    if (eventId(upload) !== last) {
      last = eventId(upload);
      yield `event: status\nid: ${last}\ndata: ${JSON.stringify(uploadView(upload))}\n\n`;
    } else yield ': still so\n\n';
    if (FINAL_STATUSES.has(upload.status) || performance.now() >= end) return;
    await wait.change(upload, Math.min(limits.heartbeatMs, Math.max(0, end - performance.now())));
    if (wait.over.aborted) return;
    upload = await reread();
  }
}

/** Equal for equal events, on every pod. */
function eventId(upload: UploadRecord): string {
  return createHash('sha256')
    .update(JSON.stringify(uploadView(upload)))
    .digest('base64url')
    .slice(0, 16);
}
