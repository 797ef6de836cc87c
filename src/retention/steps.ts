import { inTransaction, type Pool } from '../database/pool.ts';
import { forgetLoad } from '../pipeline/load/forget-load.ts';
import { rejectReportKey } from '../storage/raw-store.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import type { RetentionLimits } from './limits.ts';
import { requestRemoval } from './removals.ts';

/** What retention removes; also the label `kind` of its counter. */
export const RETENTION_KINDS = [
  'raw-files',
  'reject-reports',
  'row-errors',
  'upload-records',
  'idempotency-keys',
] as const;

export type RetentionKind = (typeof RETENTION_KINDS)[number];

export interface RetentionStep {
  readonly kind: RetentionKind;
  readonly days: number | null;
  /** How much is over its time. $1: days. */
  readonly count: string;
  /** Takes away one piece, in a transaction of its own. Returns how much it was: 0 when nothing is left. */
  removePiece(days: number): Promise<number>;
}

/** Uploads of one piece: row locks for milliseconds, which neither intake nor workers notice. */
const PIECE_UPLOADS = 500;
const PIECE_ERRORS = 5_000;

const FINAL = `status IN ('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABANDONED')`;
const OLDER = `< now() - make_interval(days => $1)`;

const RAW_FILES = `raw_removed_at IS NULL AND received_at IS NOT NULL AND received_at ${OLDER} AND ${FINAL}`;
const REPORTS = `has_report AND completed_at ${OLDER} AND ${FINAL}`;
// What has neither a line nor a value says why a whole file failed, and nothing of what is in it.
const ERRORS = `
  FROM piing.uploads u JOIN piing.upload_errors e ON e.upload_id = u.id
 WHERE u.completed_at ${OLDER} AND u.status IN ('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABANDONED')
   AND (e.line IS NOT NULL OR e.value IS NOT NULL)`;
const RECORDS = `completed_at ${OLDER} AND ${FINAL} AND NOT discard_pending`;
const KEYS = `idempotency_key IS NOT NULL AND created_at ${OLDER} AND status <> 'RECEIVING'`;

const TAKE_RAW_FILES = `
UPDATE piing.uploads SET raw_removed_at = now(), retryable = false
 WHERE id IN (SELECT id FROM piing.uploads WHERE ${RAW_FILES} ORDER BY received_at LIMIT ${PIECE_UPLOADS} FOR UPDATE SKIP LOCKED)
RETURNING id, object_key`;

const TAKE_REPORTS = `
UPDATE piing.uploads SET has_report = false
 WHERE id IN (SELECT id FROM piing.uploads WHERE ${REPORTS} ORDER BY completed_at LIMIT ${PIECE_UPLOADS} FOR UPDATE SKIP LOCKED)
RETURNING id, object_key`;

const TAKE_ERRORS = `
DELETE FROM piing.upload_errors WHERE (upload_id, ordinal) IN (SELECT e.upload_id, e.ordinal ${ERRORS} LIMIT ${PIECE_ERRORS})`;

const FIND_RECORDS = `
SELECT id, organization_id AS "organizationId" FROM piing.uploads WHERE ${RECORDS} ORDER BY completed_at LIMIT ${PIECE_UPLOADS}`;

const TAKE_RECORDS = `
DELETE FROM piing.uploads WHERE id = ANY($2) AND ${RECORDS}
RETURNING id, object_key, has_report AS "hasReport", received_at IS NOT NULL AND raw_removed_at IS NULL AS "hasFile"`;

const TAKE_KEYS = `
UPDATE piing.uploads SET idempotency_key = NULL
 WHERE id IN (SELECT id FROM piing.uploads WHERE ${KEYS} ORDER BY created_at LIMIT ${PIECE_UPLOADS} FOR UPDATE SKIP LOCKED)`;

/** In the order in which they run: what hangs on records before the records. */
export function retentionSteps(control: Pool, analytics: Pool, limits: RetentionLimits): RetentionStep[] {
  const countUploads = (condition: string) => `SELECT count(*) FROM piing.uploads WHERE ${condition}`;
  const takeObjects = (sql: string, keyOf: (objectKey: string) => string) => (days: number) =>
    inTransaction(control, async (client) => {
      const taken = await client.query<{ id: UploadId; object_key: string }>(sql, [days]);
      await requestRemoval(
        client,
        taken.rows.map(({ id, object_key }) => ({ uploadId: id, key: keyOf(object_key) })),
      );
      return taken.rows.length;
    });
  const takeRows = (sql: string) => async (days: number) => (await control.query(sql, [days])).rowCount ?? 0;
  return [
    {
      kind: 'raw-files',
      days: limits.rawFiles,
      count: countUploads(RAW_FILES),
      removePiece: takeObjects(TAKE_RAW_FILES, (key) => key),
    },
    {
      kind: 'reject-reports',
      days: limits.rejectReports,
      count: countUploads(REPORTS),
      removePiece: takeObjects(TAKE_REPORTS, rejectReportKey),
    },
    {
      kind: 'row-errors',
      days: limits.rowErrors,
      count: `SELECT count(*) ${ERRORS}`,
      removePiece: takeRows(TAKE_ERRORS),
    },
    {
      kind: 'upload-records',
      days: limits.uploadRecords,
      count: countUploads(RECORDS),
      removePiece: (days) => takeRecords(control, analytics, days),
    },
    {
      kind: 'idempotency-keys',
      days: limits.idempotencyKeys,
      count: countUploads(KEYS),
      removePiece: takeRows(TAKE_KEYS),
    },
  ];
}

/** The ledger's rows first: without their record nobody would find them again. */
async function takeRecords(control: Pool, analytics: Pool, days: number): Promise<number> {
  const found = await control.query<{ id: UploadId; organizationId: OrganizationId }>(FIND_RECORDS, [days]);
  if (found.rows.length === 0) return 0;
  for (const { id, organizationId } of found.rows) await forgetLoad(analytics, organizationId, id);
  return inTransaction(control, async (client) => {
    const taken = await client.query<TakenRecord>(TAKE_RECORDS, [days, found.rows.map(({ id }) => id)]);
    const removals = taken.rows.flatMap(({ id, object_key, hasReport, hasFile }) => [
      ...(hasFile ? [{ uploadId: id, key: object_key }] : []),
      ...(hasReport ? [{ uploadId: id, key: rejectReportKey(object_key) }] : []),
    ]);
    await requestRemoval(client, removals);
    return taken.rows.length;
  });
}

interface TakenRecord {
  readonly id: UploadId;
  readonly object_key: string;
  readonly hasReport: boolean;
  readonly hasFile: boolean;
}
