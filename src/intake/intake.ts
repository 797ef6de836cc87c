import type { Catalogue } from '../schemas/catalogue.ts';
import { type RawStore, rawObjectKey } from '../storage/raw-store.ts';
import { newUploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Access } from '../tenancy/access.ts';
import { checkFileName } from './file-name.ts';
import { IncomingUpload, type Outcome } from './incoming-upload.ts';
import type { HeaderAwarePreflight } from './preflight.ts';
import { Refusal } from './refusal.ts';
import type { NewUpload, UploadRecords } from './upload-records.ts';
import type { FileFormat, UploadSource } from './uploads.ts';

export interface UploadRequest {
  readonly access: Access;
  readonly schemaType: string;
  readonly fileName: string;
  readonly format: FileFormat;
  readonly source: UploadSource;
  readonly remoteAddress: string;
  readonly idempotencyKey?: string | undefined;
}

export interface IntakeOptions {
  readonly catalogue: Catalogue;
  readonly store: RawStore;
  readonly records: UploadRecords;
  readonly preflight: HeaderAwarePreflight;
  readonly maxFileBytes: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The one door for bytes: SFTP and HTTP hand every file through here. */
export interface Intake {
  /**
   * Admits a file and records that it is being received.
   * @throws {Refusal} bad name, schema type not enabled, database out of reach
   */
  begin(request: UploadRequest): Promise<IncomingUpload>;
}

export function createIntake(options: IntakeOptions): Intake {
  return {
    begin: async (request) => {
      try {
        return await begin(options, request);
      } catch (error) {
        const refusal = Refusal.from(error);
        options.metrics.refusals.inc({ source: request.source, code: refusal.code });
        throw refusal;
      }
    },
  };
}

async function begin(options: IntakeOptions, request: UploadRequest): Promise<IncomingUpload> {
  const { access, schemaType, source } = request;
  checkFileName(request.fileName);
  const schema = options.catalogue.get(schemaType);
  const transformer = access.schemaTypes.get(schemaType);
  if (!schema || !transformer) {
    const enabled = [...access.schemaTypes.keys()].sort().join(', ') || 'none';
    throw new Refusal(
      'SCHEMA_NOT_ENABLED',
      `The schema type is not enabled for your organization. Enabled: ${enabled}.`,
    );
  }
  const upload = describe(request);
  const logger = options.logger.child({
    uploadId: upload.id,
    organizationId: access.organizationId,
    clientId: access.clientId,
    schemaType,
    source,
  });
  await options.records.begin(upload).catch((error: unknown) => {
    logger.warn({ err: error }, 'upload could not be recorded');
    throw Refusal.from(error);
  });
  logger.debug({ fileName: request.fileName }, 'upload begun');
  options.metrics.uploadsInProgress.inc({ source });
  return new IncomingUpload({
    upload,
    writer: options.store.create(upload.objectKey),
    records: options.records,
    preflight: (bytes) => options.preflight(bytes, request.format, schema, transformer),
    maxBytes: Math.min(options.maxFileBytes, access.maxFileBytes ?? Number.POSITIVE_INFINITY),
    logger,
    onBytes: (count) => options.metrics.receivedBytes.inc({ source }, count),
    onEnd: (outcome, reason) => countEnd(options.metrics, source, outcome, reason),
  });
}

function describe(request: UploadRequest): NewUpload {
  const { access, schemaType, fileName, format, source, remoteAddress, idempotencyKey } = request;
  const { organizationId, clientId } = access;
  const id = newUploadId();
  const objectKey = rawObjectKey({ organizationId, schemaType, uploadId: id, format, begunAt: new Date() });
  return {
    id,
    organizationId,
    clientId,
    schemaType,
    fileName,
    format,
    source,
    remoteAddress,
    objectKey,
    idempotencyKey,
  };
}

function countEnd(
  metrics: Metrics,
  source: UploadSource,
  outcome: Outcome,
  reason: Refusal | undefined,
): void {
  metrics.uploadsInProgress.dec({ source });
  metrics.uploads.inc({ source, outcome });
  if (reason) metrics.refusals.inc({ source, code: reason.code });
}
