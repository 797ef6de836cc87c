import { Refusal } from '../intake/refusal.ts';
import { ObjectNotFoundError } from '../storage/raw-store.ts';
import type { ApiPorts } from './api-options.ts';
import { Problem } from './problems.ts';

/**
 * The same ports, whose failures are answered "try again later" instead of "the server failed": behind each of
 * them is a database or a store, and the client can do nothing but wait until it is back.
 */
export function guardPorts(ports: ApiPorts): ApiPorts {
  return {
    // Tells its failures itself, as refusals.
    intake: ports.intake,
    authenticate: guarded(ports.authenticate),
    currentAccess: guarded(ports.currentAccess),
    findUpload: guarded(ports.findUpload),
    listUploads: guarded(ports.listUploads),
    listErrors: guarded(ports.listErrors),
    findByIdempotencyKey: guarded(ports.findByIdempotencyKey),
    readReport: guarded(ports.readReport),
    publicKeys: guarded(ports.publicKeys),
    uploadStatuses: guarded(ports.uploadStatuses),
    onTenancyChange: ports.onTenancyChange,
    tokens: { issue: guarded(ports.tokens.issue), verify: guarded(ports.tokens.verify) },
  };
}

function guarded<Arguments extends readonly unknown[], Result>(
  ask: (...asked: Arguments) => Promise<Result>,
): (...asked: Arguments) => Promise<Result> {
  return async (...asked) => {
    try {
      return await ask(...asked);
    } catch (error) {
      if (error instanceof Problem || error instanceof Refusal || error instanceof ObjectNotFoundError)
        throw error;
      throw new Problem('SERVICE_UNAVAILABLE', 'A part of the service cannot be reached. Try again later.', {
        cause: error,
      });
    }
  };
}
