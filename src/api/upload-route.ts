import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  onRequestAsyncHookHandler,
} from 'fastify';
import { Refusal } from '../intake/refusal.ts';
import type { UploadRecord } from '../intake/uploads.ts';
import type { UploadId } from '../support/ids.ts';
import type { Access } from '../tenancy/access.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { type Destination, newUpload, type Receipt, replayOf } from './destinations.ts';
import type { FileDescription } from './file-part.ts';
import type { Lifecycle } from './lifecycle.ts';
import { acceptMultipart, interrupted, MULTIPART_OVERHEAD_BYTES, readParts } from './multipart.ts';
import { ref } from './openapi/components.ts';
import { json, problems, WITH_TOKEN } from './openapi/responses.ts';
import { watchPace } from './pace.ts';
import { Places } from './places.ts';
import { Problem } from './problems.ts';
import { Reception } from './reception.ts';
import { UploadFields } from './upload-fields.ts';
import { acknowledgedView, replayedView, type UploadView, uploadPath } from './upload-views.ts';

type UploadOptions = Pick<
  ApiOptions,
  'intake' | 'currentAccess' | 'findUpload' | 'findByIdempotencyKey' | 'maxFileBytes' | 'limits' | 'metrics'
>;

/** `POST /upload`: takes one file, acknowledged with 202 once it is durable and will be processed. */
export async function uploadRoute(
  app: FastifyInstance,
  options: UploadOptions,
  lifecycle: Lifecycle,
): Promise<void> {
  await acceptMultipart(app, options.maxFileBytes);
  const onRequest = [expectMultipart, expectFittingLength(options.maxFileBytes), takePlace(options)];
  app.post('/upload', { onRequest, schema, validatorCompiler: parsedElsewhere }, async (request, reply) => {
    if (lifecycle.draining) {
      throw new Refusal('DRAINING', 'This server is about to restart. Send the file again.');
    }
    const fields = new UploadFields(request);
    const open = (file: FileDescription, schemaType: string, key: string | undefined) =>
      openDestination(request, options, file, schemaType, key);
    const tooSlow = watchPace(request.raw, options.limits);
    tooSlow.addEventListener('abort', () => options.metrics.httpLimits.inc({ limit: 'body-pace' }));
    const reception = new Reception({ fields, open, stopping: lifecycle.stopping, tooSlow });
    const receive = async () =>
      answer(request, reply, options, await reception.receive(readParts(request, tooSlow)));
    return lifecycle.track(receive());
  });
}

async function openDestination(
  request: FastifyRequest,
  options: UploadOptions,
  { fileName, format }: FileDescription,
  schemaType: string,
  idempotencyKey: string | undefined,
): Promise<Destination> {
  const access = accessOf(request);
  if (idempotencyKey !== undefined) {
    const existing = await options.findByIdempotencyKey(access.organizationId, idempotencyKey);
    if (existing) return replayOf(existing, schemaType);
  }
  const upload = {
    access,
    schemaType,
    fileName,
    format,
    source: 'http',
    remoteAddress: request.ip,
    idempotencyKey,
  } as const;
  return newUpload(options.intake, upload, async () => {
    await recheck(options, access, schemaType, request.ip);
    // Nobody is left to take the acknowledgement, so the sender counts the file as not sent.
    if (request.socket.destroyed) throw interrupted();
  });
}

/** @throws {Refusal} when what was allowed as the request began is not allowed any more */
async function recheck(
  { currentAccess }: UploadOptions,
  { clientId }: Access,
  schemaType: string,
  remoteAddress: string,
): Promise<void> {
  const decision = await currentAccess({ clientId, remoteAddress });
  if (!decision.allowed)
    throw new Refusal(
      'ACCESS_REVOKED',
      'This credential may no longer send files. Ask your Piing administrator.',
    );
  if (!decision.access.schemaTypes.has(schemaType)) {
    throw new Refusal('SCHEMA_NOT_ENABLED', 'The schema type was disabled while the file was being sent.');
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { findUpload }: UploadOptions,
  receipt: Receipt,
): Promise<UploadView> {
  const replayed = receipt.kind === 'replayed';
  const record = replayed ? receipt.upload : await lookUp(request, findUpload, receipt.upload.uploadId);
  const view = replayed ? replayedView(receipt.upload) : acknowledgedView(receipt.upload, record);
  if (replayed) reply.header('idempotency-replayed', 'true');
  if (record?.idempotencyKeyExpiresAt)
    reply.header('idempotency-key-expires', record.idempotencyKeyExpiresAt.toUTCString());
  reply.code(202).header('location', `${uploadPath(view.uploadId)}/status`);
  return view;
}

/** The file is acknowledged whatever happens now: a look-up that fails only leaves details out of the answer. */
async function lookUp(
  request: FastifyRequest,
  findUpload: UploadOptions['findUpload'],
  id: UploadId,
): Promise<UploadRecord | undefined> {
  try {
    return await findUpload(id, accessOf(request).organizationId);
  } catch (error) {
    request.log.warn({ err: error, uploadId: id }, 'details of an acknowledged upload could not be read');
    return undefined;
  }
}

/** Holds one of the organization's places until the connection is done with the request. */
function takePlace({ limits, metrics }: UploadOptions): onRequestAsyncHookHandler {
  const places = new Places(limits.uploads, limits.uploadsPerOrganization);
  return async (request, reply) => {
    const place = places.take(accessOf(request).organizationId);
    if (place === 'organization') {
      metrics.httpLimits.inc({ limit: 'uploads-per-organization' });
      const most = limits.uploadsPerOrganization;
      throw new Problem('TOO_MANY_UPLOADS', `Your organization is sending ${most} files at a time already.`);
    }
    if (place === 'process') {
      metrics.httpLimits.inc({ limit: 'uploads' });
      throw new Problem('SERVICE_UNAVAILABLE', 'This server receives as many files as it can.');
    }
    reply.raw.once('close', place);
  };
}

const expectMultipart: onRequestAsyncHookHandler = async (request) => {
  if (request.mediaType === 'multipart/form-data') return;
  throw new Problem(
    'UNSUPPORTED_MEDIA_TYPE',
    'Send multipart/form-data with the fields schemaType and file; with curl: -F schemaType=NAME -F file=@FILE',
  );
};

/** Spares a client that tells the length beforehand from sending all of it in vain. */
function expectFittingLength(maxFileBytes: number): onRequestAsyncHookHandler {
  return async (request) => {
    const length = Number(request.headers['content-length']);
    const limit = Math.min(maxFileBytes, accessOf(request).maxFileBytes ?? Number.POSITIVE_INFINITY);
    if (!(length > limit + MULTIPART_OVERHEAD_BYTES)) return;
    throw new Refusal(
      'FILE_TOO_LARGE',
      `The request has ${length} bytes; files may have ${limit}. Split the file and send the parts.`,
    );
  };
}

/** The multipart parser and the upload's fields check the body as it comes, with sentences of their own. */
const parsedElsewhere: FastifySchemaCompiler<unknown> = () => () => true;

const schema = {
  operationId: 'sendFile',
  tags: ['Uploads'],
  summary: 'Send a file',
  description:
    'Put schemaType and idempotencyKey before file. 202: the file is stored and will be processed, whatever happens. ' +
    'Anything else: nothing was stored.',
  consumes: ['multipart/form-data'],
  querystring: {
    type: 'object',
    properties: { schemaType: { type: 'string', description: 'In place of the field.' } },
  },
  headers: {
    type: 'object',
    properties: {
      'idempotency-key': {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description:
          'In place of the field, bare or quoted as in the IETF draft. Stands for the file for 24 hours.',
      },
    },
  },
  body: {
    type: 'object',
    properties: {
      schemaType: {
        type: 'string',
        description: 'What the file has; GET /api/external/schemas lists the names.',
      },
      idempotencyKey: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'Stands for the file for 24 hours.',
      },
      file: {
        type: 'string',
        format: 'binary',
        description: 'CSV or JSON, by its name or its content type.',
      },
    },
    required: ['file'],
  },
  response: {
    202: json('The file is stored and will be processed.', ref('Upload'), {
      location: { type: 'string', description: 'Where its status is.' },
      'idempotency-key-expires': {
        type: 'string',
        description: 'Until when the idempotency key stands for the file.',
      },
      'idempotency-replayed': {
        type: 'string',
        description: 'true: an earlier request with this key brought the file.',
      },
    }),
    ...problems(
      ...WITH_TOKEN,
      'INVALID_PARAMETER',
      'MALFORMED_MULTIPART',
      'TOO_MANY_PARTS',
      'FIELD_TOO_LONG',
      'FIELDS_AFTER_FILE',
      'MISSING_SCHEMA_TYPE',
      'MISSING_FILE',
      'MULTIPLE_FILES',
      'INCOMPLETE_FILE',
      'BAD_FILE_NAME',
      'INVALID_IDEMPOTENCY_KEY',
      'ACCESS_REVOKED',
      'SCHEMA_NOT_ENABLED',
      'IDEMPOTENCY_KEY_IN_USE',
      'FILE_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'UNSUPPORTED_FILE_FORMAT',
      'EMPTY_FILE',
      'UNUSABLE_FILE',
      'IDEMPOTENCY_KEY_REUSED',
      'TOO_MANY_UPLOADS',
      'DRAINING',
    ),
  },
};
