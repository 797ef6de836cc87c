import { type Definer, SECONDS_BUCKETS } from './define.ts';

const SOURCE = ['sftp', 'http'];

export type IntakeMetrics = ReturnType<typeof intakeMetrics>;

/** Both doors: logins, and files from OPEN to the acknowledgement. */
export function intakeMetrics({ counter, gauge, histogram }: Definer, schemaTypes: readonly string[]) {
  return {
    logins: counter('piing_logins_total', 'Login attempts by result; error: it could not be told', {
      source: SOURCE,
      result: ['accepted', 'denied', 'error'],
    }),
    uploadsStarted: counter('piing_uploads_started_total', 'Uploads that were admitted and began', {
      source: SOURCE,
    }),
    uploadsInProgress: gauge('piing_uploads_in_progress', 'Files being received now', { source: SOURCE }),
    uploads: counter('piing_uploads_total', 'Uploads that ended, by outcome', {
      source: SOURCE,
      outcome: ['received', 'refused', 'abandoned'],
      schema_type: schemaTypes,
    }),
    refusals: counter(
      'piing_upload_refusals_total',
      'Files not taken, at the start or later, by reason code',
      {
        source: SOURCE,
        code: [],
      },
    ),
    acknowledgements: counter(
      'piing_acknowledgements_total',
      'What clients were told of their files; refused: the file or its sender is at fault, error: this service is',
      { source: SOURCE, result: ['acknowledged', 'refused', 'error'] },
    ),
    acknowledgementSeconds: histogram(
      'piing_acknowledgement_duration_seconds',
      'Time from the last byte to the acknowledgement: making the object durable and recording it',
      SECONDS_BUCKETS,
      { source: SOURCE },
    ),
    receivedBytes: counter('piing_received_bytes_total', 'Bytes of files received', { source: SOURCE }),
    lastReceived: gauge(
      'piing_last_received_timestamp_seconds',
      'When this process last acknowledged a file; 0: never',
      { source: SOURCE },
    ),
  };
}
