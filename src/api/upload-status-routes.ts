import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FINAL_STATUSES, type UploadRecord } from '../intake/uploads.ts';
import { ObjectNotFoundError } from '../storage/raw-store.ts';
import type { ApiPorts } from './api-options.ts';
import { invalidToken } from './authentication.ts';
import { attachment } from './content-disposition.ts';
import { ref } from './openapi/components.ts';
import { ETAG_HEADER, json, NOT_MODIFIED, problems, textOf, WITH_TOKEN } from './openapi/responses.ts';
import { ownUpload, type UploadParams, uploadParams } from './own-upload.ts';
import { Problem } from './problems.ts';
import { integerParameter, query } from './query-parameters.ts';
import { uploadDetailView, uploadView } from './upload-views.ts';
import type { Waiting } from './waiting.ts';

/** Common load balancers end a request that was silent for 60 seconds. */
const WAIT_SECONDS = { minimum: 0, maximum: 50, default: 0 };
const ERRORS_PAGE = { minimum: 1, maximum: 1_000, default: 100 };
const ERRORS_OFFSET = { minimum: 0, maximum: 1_000_000_000, default: 0 };

type StatusOptions = Pick<ApiPorts, 'findUpload' | 'listErrors' | 'readReport'>;
type UploadRequest<Query = unknown> = FastifyRequest<{ Params: UploadParams; Querystring: Query }>;

interface StatusQuery {
  readonly wait: number;
}

interface ErrorsQuery {
  readonly offset: number;
  readonly limit: number;
}

/** What became of one upload: `GET /{id}`, `…/status`, `…/errors` and `…/rejects.csv`. */
export function uploadStatusRoutes(app: FastifyInstance, options: StatusOptions, waiting: Waiting): void {
  app.get('/:id', { schema: DETAIL }, async (request: UploadRequest) =>
    uploadDetailView(await ownUpload(request, options)),
  );
  app.get('/:id/status', { schema: STATUS }, async (request: UploadRequest<StatusQuery>, reply) =>
    uploadView(await finalUpload(request, reply, options, waiting)),
  );
  app.get('/:id/errors', { schema: ERRORS }, (request: UploadRequest<ErrorsQuery>) =>
    errors(request, options),
  );
  app.get('/:id/rejects.csv', { schema: REJECTS }, (request: UploadRequest, reply) =>
    rejects(request, reply, options),
  );
}

/** The upload when its status is final, or as it is when the time is over. A HEAD never waits. */
async function finalUpload(
  request: UploadRequest<StatusQuery>,
  reply: FastifyReply,
  options: StatusOptions,
  waiting: Waiting,
): Promise<UploadRecord> {
  const deadline = performance.now() + request.query.wait * 1_000;
  let upload = await ownUpload(request, options);
  if (request.method === 'HEAD' || request.query.wait === 0 || FINAL_STATUSES.has(upload.status))
    return upload;
  const wait = waiting.begin(request, reply);
  while (!FINAL_STATUSES.has(upload.status) && !wait.over.aborted) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    await wait.change(upload, left);
    upload = await ownUpload(request, options);
  }
  if (wait.accessLost()) throw invalidToken();
  return upload;
}

async function errors(request: UploadRequest<ErrorsQuery>, options: StatusOptions) {
  const { offset, limit } = request.query;
  const { id } = await ownUpload(request, options);
  // One more than is shown tells whether there is a next page.
  const found = await options.listErrors(id, offset, limit + 1);
  return { errors: found.slice(0, limit), nextOffset: found.length > limit ? offset + limit : null };
}

/** Streams the rejected rows with their reasons. The pipeline has escaped what a spreadsheet would run. */
async function rejects(request: UploadRequest, reply: FastifyReply, options: StatusOptions) {
  const upload = await ownUpload(request, options);
  if (!upload.hasReport) throw noReport();
  const report = await options.readReport(upload.objectKey).catch((error: unknown) => {
    throw error instanceof ObjectNotFoundError ? noReport(error) : error;
  });
  const name = `${upload.fileName.replace(/\.(csv|json)$/i, '')}.rejects.csv`;
  return (
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', attachment(name))
      // A report is written once for each run of the pipeline, and every run has its own end.
      .header('etag', `"${upload.id}-${upload.completedAt?.getTime() ?? 0}"`)
      .send(report)
  );
}

function noReport(cause?: unknown): Problem {
  return new Problem('NOT_FOUND', 'This upload has no report of rejected rows.', { cause });
}

const route = { tags: ['Uploads'], params: uploadParams };

const DETAIL = {
  ...route,
  operationId: 'getUpload',
  summary: 'An upload with the time that each stage took, and its links',
  querystring: query({}),
  response: {
    200: json('The upload.', ref('UploadDetail'), ETAG_HEADER),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND'),
  },
};

const STATUS = {
  ...route,
  operationId: 'getUploadStatus',
  summary: 'What became of a file; with wait, as soon as it is known',
  querystring: query({
    wait: integerParameter(
      'Seconds to wait for the final status before it is answered as it is.',
      WAIT_SECONDS,
    ),
  }),
  response: {
    200: json('The upload.', ref('Upload'), ETAG_HEADER),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND', 'TOO_MANY_WAITERS'),
  },
};

const ERRORS = {
  ...route,
  operationId: 'listUploadErrors',
  summary: 'All stored errors, in the order of the file',
  querystring: query({
    offset: integerParameter('Errors to leave out: the nextOffset of the page before.', ERRORS_OFFSET),
    limit: integerParameter('Errors in a page.', ERRORS_PAGE),
  }),
  response: {
    200: json(
      'A page of errors.',
      {
        type: 'object',
        properties: {
          errors: { type: 'array', items: ref('Fault') },
          nextOffset: { type: ['integer', 'null'], description: 'Null: there are no more.' },
        },
        required: ['errors', 'nextOffset'],
        additionalProperties: false,
      },
      ETAG_HEADER,
    ),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND'),
  },
};

const REJECTS = {
  ...route,
  operationId: 'getRejectReport',
  summary: 'The rejected rows, to be mended and sent again as they are',
  description:
    'The columns of the file, then _line and _errors, which are ignored when the report is sent as a file.',
  querystring: query({}),
  response: {
    200: textOf('text/csv', 'The report.'),
    ...NOT_MODIFIED,
    ...problems(...WITH_TOKEN, 'INVALID_PARAMETER', 'NOT_FOUND'),
  },
};
