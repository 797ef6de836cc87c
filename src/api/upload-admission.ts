import type { onRequestAsyncHookHandler } from 'fastify';
import { Refusal } from '../intake/refusal.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import { MULTIPART_OVERHEAD_BYTES } from './multipart.ts';
import { Places, whenDone } from './places.ts';
import { Problem } from './problems.ts';

type AdmissionOptions = Pick<ApiOptions, 'maxFileBytes' | 'limits' | 'metrics'>;

/** What is looked at before a byte of an upload's body is read, and before a client that waits is told to send it. */
export function admitUpload(options: AdmissionOptions): onRequestAsyncHookHandler[] {
  return [expectMultipart, expectFittingLength(options.maxFileBytes), takePlace(options)];
}

/** Holds one of the organization's places until the connection is done with the request. */
function takePlace({ limits, metrics }: AdmissionOptions): onRequestAsyncHookHandler {
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
    whenDone(reply, place);
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
