import type { FastifyRequest } from 'fastify';
import type { UploadRecord } from '../intake/uploads.ts';
import { parseUploadId } from '../support/ids.ts';
import type { ApiPorts } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { Problem } from './problems.ts';

export interface UploadParams {
  readonly id: string;
}

/** Of every route about one upload. Whatever is no id belongs to nothing: that is told like an unknown id. */
export const uploadParams = {
  type: 'object',
  properties: { id: { type: 'string', format: 'uuid', description: 'The uploadId.' } },
  required: ['id'],
};

/** @throws {Problem} the same for an id that never was and for another organization's upload */
export async function ownUpload(
  request: FastifyRequest<{ Params: UploadParams }>,
  { findUpload }: Pick<ApiPorts, 'findUpload'>,
): Promise<UploadRecord> {
  const id = parseUploadId(request.params.id);
  const upload = id && (await findUpload(id, accessOf(request).organizationId));
  if (!upload) throw new Problem('NOT_FOUND', NO_UPLOAD);
  return upload;
}

export const NO_UPLOAD = 'Your organization has no upload of this id.';
