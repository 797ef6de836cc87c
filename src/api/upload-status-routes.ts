import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UploadRecord } from '../intake/uploads.ts';
import { ObjectNotFoundError } from '../storage/raw-store.ts';
import { parseUploadId } from '../support/ids.ts';
import type { ApiPorts } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { attachment } from './content-disposition.ts';
import { Problem } from './problems.ts';
import { integerParameter, type Query } from './query-parameters.ts';
import { uploadView } from './upload-views.ts';

const ERRORS_PAGE = { minimum: 1, maximum: 1_000, fallback: 100 };
const ERRORS_OFFSET = { minimum: 0, maximum: 1_000_000_000, fallback: 0 };

type StatusOptions = Pick<ApiPorts, 'findUpload' | 'listErrors' | 'readReport'>;

/** What became of one upload: `GET /upload/{id}[/status]`, `…/errors` and `…/rejects.csv`. */
export function uploadStatusRoutes(app: FastifyInstance, options: StatusOptions): void {
  const status = async (request: FastifyRequest) => uploadView(await ownUpload(request, options));
  app.get('/upload/:id', status);
  app.get('/upload/:id/status', status);
  app.get('/upload/:id/errors', (request) => errors(request, options));
  app.get('/upload/:id/rejects.csv', (request, reply) => rejects(request, reply, options));
}

/** @throws {Problem} the same for an id that never was and for another organization's upload */
async function ownUpload(request: FastifyRequest, { findUpload }: StatusOptions): Promise<UploadRecord> {
  const id = parseUploadId(String((request.params as { readonly id?: unknown }).id));
  const upload = id && (await findUpload(id, accessOf(request).organizationId));
  if (!upload) throw new Problem('NOT_FOUND', 'Your organization has no upload of this id.');
  return upload;
}

async function errors(request: FastifyRequest, options: StatusOptions) {
  const query = request.query as Query;
  const offset = integerParameter(query, 'offset', ERRORS_OFFSET);
  const limit = integerParameter(query, 'limit', ERRORS_PAGE);
  const { id } = await ownUpload(request, options);
  // One more than is shown tells whether there is a next page.
  const found = await options.listErrors(id, offset, limit + 1);
  return { errors: found.slice(0, limit), nextOffset: found.length > limit ? offset + limit : null };
}

/** Streams the rejected rows with their reasons. The pipeline has escaped what a spreadsheet would run. */
async function rejects(request: FastifyRequest, reply: FastifyReply, options: StatusOptions) {
  const upload = await ownUpload(request, options);
  if (!upload.hasReport) throw noReport();
  const report = await options.readReport(upload.objectKey).catch((error: unknown) => {
    throw error instanceof ObjectNotFoundError ? noReport(error) : error;
  });
  const name = `${upload.fileName.replace(/\.(csv|json)$/i, '')}.rejects.csv`;
  return reply.type('text/csv; charset=utf-8').header('content-disposition', attachment(name)).send(report);
}

function noReport(cause?: unknown): Problem {
  return new Problem('NOT_FOUND', 'This upload has no report of rejected rows.', { cause });
}
