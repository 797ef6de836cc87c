import type { Metrics } from '../telemetry/metrics.ts';
import type { IncomingUploadOptions } from './incoming-upload.ts';
import { REFUSAL_CODES, type Refusal } from './refusal.ts';
import type { NewUpload } from './upload-records.ts';
import type { UploadSource } from './uploads.ts';

/** Counts files from their admission to their end. */
export class IntakeCounts {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    for (const source of ['sftp', 'http'])
      for (const code of REFUSAL_CODES) metrics.refusals.inc({ source, code }, 0);
  }

  notAdmitted(source: UploadSource, refusal: Refusal): void {
    this.#refused(source, refusal);
  }

  begun({
    source,
    schemaType,
    organizationId,
  }: NewUpload): Pick<IncomingUploadOptions, 'onBytes' | 'onEnd' | 'onAcknowledged'> {
    const metrics = this.#metrics;
    metrics.uploadsStarted.inc({ source });
    metrics.uploadsInProgress.inc({ source });
    const bytes = metrics.receivedBytes.labels({ source });
    return {
      onBytes: (count) => {
        bytes.inc(count);
        metrics.organizations.received(organizationId, count);
      },
      onEnd: (outcome, refusal) => {
        metrics.uploadsInProgress.dec({ source });
        metrics.uploads.inc({ source, outcome, schema_type: schemaType });
        if (refusal) this.#refused(source, refusal);
        if (outcome !== 'received') metrics.organizations.ended(organizationId, outcome.toUpperCase());
      },
      onAcknowledged: (seconds) => {
        metrics.acknowledgements.inc({ source, result: 'acknowledged' });
        metrics.acknowledgementSeconds.observe({ source }, seconds);
        metrics.lastReceived.setToCurrentTime({ source });
      },
    };
  }

  /** What may be sent again as it is was not the sender's fault. */
  #refused(source: UploadSource, { code, retryable }: Refusal): void {
    this.#metrics.refusals.inc({ source, code });
    this.#metrics.acknowledgements.inc({ source, result: retryable ? 'error' : 'refused' });
  }
}
