import { z } from 'zod';
import { StartupError } from '../support/listen.ts';

const days = (fallback: number) => z.coerce.number().int().min(0).max(36_500).default(fallback);

/**
 * How long things are kept, in days since they ended; 0: for ever. Rows in the analytics tables are the tenant's own
 * and are never removed by age.
 */
export const retentionSettings = {
  PIING_RETENTION_RAW_FILES_DAYS: days(90).describe(
    'Received files. As long as one is there its upload can be run again, as after a mended transformer. 0: for ever.',
  ),
  PIING_RETENTION_REJECT_REPORTS_DAYS: days(90).describe(
    'Reports of rejected rows. People mend and send them within days. 0: for ever.',
  ),
  PIING_RETENTION_ROW_ERRORS_DAYS: days(90).describe(
    'Errors with a line or a value of the file; that a file failed, and why, is kept with its record. 0: for ever.',
  ),
  PIING_RETENTION_UPLOAD_RECORDS_DAYS: days(400).describe(
    'What is known of an upload: a year and a month, so that last year can be compared. 0: for ever.',
  ),
  PIING_RETENTION_IDEMPOTENCY_DAYS: days(2).describe(
    'Idempotency keys. They are honoured for 24 hours. 0: for ever, or until they are used again.',
  ),
  PIING_RETENTION_HOUR: z.coerce
    .number()
    .int()
    .min(0)
    .max(23)
    .default(3)
    .describe('Hour of the day (UTC) from which on a worker removes what is older, once a day.'),
} as const;

const settingsSchema = z.object(retentionSettings);

/** Days; null: for ever. */
export interface RetentionLimits {
  readonly rawFiles: number | null;
  readonly rejectReports: number | null;
  readonly rowErrors: number | null;
  readonly uploadRecords: number | null;
  readonly idempotencyKeys: number | null;
}

/**
 * @throws {StartupError} when a record would go before what only it knows of: a file without a record can neither
 * be found nor be removed.
 */
export function retentionLimits(settings: z.infer<typeof settingsSchema>): RetentionLimits {
  const records = settings.PIING_RETENTION_UPLOAD_RECORDS_DAYS;
  for (const name of ['PIING_RETENTION_RAW_FILES_DAYS', 'PIING_RETENTION_REJECT_REPORTS_DAYS'] as const) {
    const kept = settings[name];
    if (records > 0 && (kept === 0 || kept > records))
      throw new StartupError(
        `${name} (${kept === 0 ? '0, for ever' : kept}) is longer than PIING_RETENTION_UPLOAD_RECORDS_DAYS (${records}). Keep records at least as long as their files.`,
      );
  }
  const limit = (value: number) => (value === 0 ? null : value);
  return {
    rawFiles: limit(settings.PIING_RETENTION_RAW_FILES_DAYS),
    rejectReports: limit(settings.PIING_RETENTION_REJECT_REPORTS_DAYS),
    rowErrors: limit(settings.PIING_RETENTION_ROW_ERRORS_DAYS),
    uploadRecords: limit(records),
    idempotencyKeys: limit(settings.PIING_RETENTION_IDEMPOTENCY_DAYS),
  };
}
