import type { Queryable } from '../database/pool.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import type { REPLAYABLE } from './rerun.ts';

/** Which of the ended uploads are to be run again. */
export interface ReplayFilter {
  readonly organizationId?: string | undefined;
  readonly schemaType?: string | undefined;
  /** By when they were received: from `since` on, before `until`. */
  readonly since: Date;
  readonly until?: Date | undefined;
  readonly statuses: readonly (typeof REPLAYABLE)[number][];
}

export interface ReplayGroup {
  readonly organizationId: OrganizationId;
  readonly schemaType: string;
  readonly status: string;
  readonly uploads: number;
  readonly bytes: number;
  /** Of the uploads, those whose file is gone: they are left as they are. */
  readonly withoutFile: number;
}

const MATCHES = `
  FROM piing.uploads
 WHERE received_at >= $1 AND ($2::timestamptz IS NULL OR received_at < $2)
   AND ($3::text IS NULL OR organization_id = $3) AND ($4::text IS NULL OR schema_type = $4) AND status = ANY($5)`;

const parametersOf = ({ since, until, organizationId, schemaType, statuses }: ReplayFilter): unknown[] => [
  since,
  until ?? null,
  organizationId ?? null,
  schemaType ?? null,
  statuses,
];

/** What a replay would run, and what it cannot. */
export async function summarizeReplay(db: Queryable, filter: ReplayFilter): Promise<ReplayGroup[]> {
  const sql = `
SELECT organization_id AS "organizationId", schema_type AS "schemaType", status,
       count(*) FILTER (WHERE raw_removed_at IS NULL) AS uploads,
       COALESCE(sum(size_bytes) FILTER (WHERE raw_removed_at IS NULL), 0)::int8 AS bytes,
       count(*) FILTER (WHERE raw_removed_at IS NOT NULL) AS "withoutFile"
  ${MATCHES} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;
  return (await db.query<ReplayGroup>(sql, parametersOf(filter))).rows;
}

/** The uploads to run, oldest first. */
export async function findReplayable(
  db: Queryable,
  filter: ReplayFilter,
): Promise<{ readonly id: UploadId; readonly organizationId: OrganizationId }[]> {
  const sql = `SELECT id, organization_id AS "organizationId" ${MATCHES} AND raw_removed_at IS NULL ORDER BY received_at, id`;
  const result = await db.query<{ id: UploadId; organizationId: OrganizationId }>(sql, parametersOf(filter));
  return result.rows;
}
