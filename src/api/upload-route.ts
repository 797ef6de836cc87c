import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify';
import { Refusal } from '../intake/refusal.ts';
import type { UploadRecord } from '../intake/uploads.ts';
import type { UploadId } from '../support/ids.ts';
import type { Access } from '../tenancy/access.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { type Destination, newUpload, type Receipt, replayOf } from './destinations.ts';
import type { FileDescription } from './file-part.ts';
import type { Lifecycle } from './lifecycle.ts';
import { acceptMultipart, interrupted, readParts } from './multipart.ts';
import { sendFile } from './openapi/send-file.ts';
import { watchPace } from './pace.ts';
import { Reception } from './reception.ts';
import { admitUpload } from './upload-admission.ts';
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
  const onRequest = admitUpload(options);
  app.post(
    '/upload',
    { onRequest, schema: sendFile, validatorCompiler: parsedElsewhere, config: { ownPace: true } },
    async (request, reply) => {
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
    },
  );
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

/** The multipart parser and the upload's fields check the body as it comes, with sentences of their own. */
const parsedElsewhere: FastifySchemaCompiler<unknown> = () => () => true;
