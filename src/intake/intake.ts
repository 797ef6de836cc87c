import type { Catalogue } from '../schemas/catalogue.ts';
import { type RawStore, rawObjectKey } from '../storage/raw-store.ts';
import { newUploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { noTraces, type Span, type Traces } from '../telemetry/traces.ts';
import type { Access } from '../tenancy/access.ts';
import { checkFileName } from './file-name.ts';
import { IncomingUpload } from './incoming-upload.ts';
import { IntakeCounts } from './intake-counts.ts';
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
  /** Default: none. */
  readonly traces?: Traces;
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
  const counts = new IntakeCounts(options.metrics);
  return {
    begin: async (request) => {
      try {
        return await begin(options, counts, request);
      } catch (error) {
        const refusal = Refusal.from(error);
        counts.notAdmitted(request.source, refusal);
        throw refusal;
      }
    },
  };
}

async function begin(
  options: IntakeOptions,
  counts: IntakeCounts,
  request: UploadRequest,
): Promise<IncomingUpload> {
  const { access, schemaType, source } = request;
  const { traces = noTraces } = options;
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
  const span = beginSpan(traces, upload);
  const logger = options.logger.child({
    uploadId: upload.id,
    organizationId: access.organizationId,
    clientId: access.clientId,
    schemaType,
    source,
    ...span.logFields,
  });
  await options.records.begin(upload).catch((error: unknown) => {
    logger.warn({ err: error }, 'upload could not be recorded');
    span.end(error);
    throw Refusal.from(error);
  });
  logger.debug({ fileName: request.fileName }, 'upload begun');
  const counted = counts.begun(upload);
  return new IncomingUpload({
    upload,
    writer: options.store.create(upload.objectKey),
    records: options.records,
    preflight: (bytes) => options.preflight(bytes, request.format, schema, transformer),
    maxBytes: Math.min(options.maxFileBytes, access.maxFileBytes ?? Number.POSITIVE_INFINITY),
    logger,
    traces,
    span,
    ...counted,
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

function beginSpan(traces: Traces, { id, organizationId, schemaType, source }: NewUpload): Span {
  return traces.begin('receive upload', {
    kind: 'server',
    attributes: {
      'piing.upload_id': id,
      'piing.organization_id': organizationId,
      'piing.schema_type': schemaType,
      'piing.source': source,
    },
  });
}
