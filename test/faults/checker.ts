import type { Queryable } from '../../src/database/pool.ts';
import { rejectReportKey } from '../../src/storage/raw-store.ts';
import { loadedCount, loadedRows, type SentFile } from './files.ts';
import type { StoredObjects } from './stored-objects.ts';

/** What the checker reads; the database, perhaps, as one transaction sees it. */
export interface World {
  readonly pool: Queryable;
  readonly objects: StoredObjects;
  /** Whose rows are held against what was sent; default: everybody's. */
  readonly organizations?: readonly string[];
}

/** What the promise says and the world does not, each in a sentence. */
export interface Findings {
  readonly lost: readonly string[];
  readonly wrongRows: readonly string[];
  /** Files that count as received after one that was sent when they had been acknowledged already. */
  readonly wrongOrder: readonly string[];
  readonly leftovers: readonly string[];
  readonly unacknowledged: readonly string[];
}

interface UploadRow {
  readonly id: string;
  readonly organization_id: string;
  readonly file_name: string;
  readonly status: string;
  readonly received_at: string | null;
  readonly order: string;
  readonly object_key: string;
  readonly sha256: string | null;
  readonly rows_total: number | null;
  readonly rows_rejected: number | null;
  readonly rows_loaded: number | null;
}

/**
 * Reads the database and the store from outside, and holds them against what the senders know. Without `objects` the
 * content of stored objects is taken on trust.
 */
export async function checkPromise(
  world: World,
  sent: readonly SentFile[],
  options: { readonly objects: boolean } = { objects: true },
): Promise<Findings> {
  const uploads = await readUploads(world);
  const byName = Map.groupBy(uploads, (upload) => upload.file_name);
  const received = (file: SentFile) => byName.get(file.name)?.filter((one) => one.received_at !== null) ?? [];
  return {
    lost: await findLost(world, sent, received, options.objects),
    wrongRows: await findWrongRows(world, sent, received),
    wrongOrder: findWrongOrder(sent, received),
    leftovers: await findLeftovers(world, uploads),
    unacknowledged: sent
      .filter((file) => file.told === 'refused' && received(file).length > 0)
      .map((file) => `${file.name} was refused (${file.reason}) and is processed all the same`),
  };
}

async function readUploads({ pool }: World): Promise<UploadRow[]> {
  const { rows } = await pool.query<UploadRow>(
    `SELECT id, organization_id, file_name, status, received_at::text, object_key, encode(sha256, 'hex') AS sha256,
            rows_total, rows_rejected, rows_loaded,
            to_char(received_at, 'YYYY-MM-DD HH24:MI:SS.US') || id::text AS "order"
       FROM piing.uploads`,
  );
  return rows;
}

type Received = (file: SentFile) => readonly UploadRow[];

/** Acknowledged files that are not there, not ended as they should, or not byte for byte what was sent. */
async function findLost(
  world: World,
  sent: readonly SentFile[],
  received: Received,
  objects: boolean,
): Promise<string[]> {
  const lost: string[] = [];
  for (const file of sent) {
    const found = received(file);
    if (file.told === 'acknowledged' && found.length !== 1)
      lost.push(`${file.name} was acknowledged and has ${found.length} received uploads`);
    for (const upload of found) {
      if (upload.organization_id !== file.tenant.organizationId)
        lost.push(`${file.name} belongs to ${upload.organization_id}`);
      if (upload.status !== file.expectedEnd)
        lost.push(`${file.name} is ${upload.status} and has to be ${file.expectedEnd}`);
      if (upload.sha256 !== file.sha256) lost.push(`${file.name} is recorded with another SHA-256`);
      if (objects && (await world.objects.sha256(upload.object_key)) !== file.sha256)
        lost.push(`${file.name}: the stored object is not what was sent`);
      const rows = (upload.rows_total ?? 0) - (upload.rows_rejected ?? 0);
      if (objects && upload.status === 'PARTIALLY_COMPLETED' && !(await hasReport(world, upload)))
        lost.push(`${file.name} has no reject report`);
      if (upload.status === 'COMPLETED' && rows !== loadedCount(file.rows))
        lost.push(`${file.name} counts ${rows} rows and has ${loadedCount(file.rows)}`);
      if (file.rows.exclusive && (upload.rows_loaded ?? 0) !== loadedCount(file.rows))
        lost.push(`${file.name} counts ${upload.rows_loaded} new rows and had ${loadedCount(file.rows)}`);
    }
  }
  return lost;
}

const hasReport = async ({ objects }: World, { object_key }: UploadRow) =>
  /^[0-9a-f]{64}$/.test(await objects.sha256(rejectReportKey(object_key)));

/** Whatever the clocks say: who was acknowledged before another was begun was received before it. */
function findWrongOrder(sent: readonly SentFile[], received: Received): string[] {
  const wrong: string[] = [];
  for (const files of Map.groupBy(sent, ({ tenant }) => tenant.organizationId).values()) {
    const inOrder = files
      .flatMap((file) => received(file).map(({ order }) => ({ file, order })))
      .sort((a, b) => (a.order < b.order ? -1 : 1));
    let latest: SentFile | undefined;
    for (const { file } of inOrder) {
      if (latest && file.acknowledgedAt !== undefined && file.acknowledgedAt < latest.begunAt)
        wrong.push(`${file.name} counts as received after ${latest.name}, which was sent later`);
      if (!latest || file.begunAt > latest.begunAt) latest = file;
    }
  }
  return wrong;
}

interface ExpectedRow {
  readonly order: string;
  readonly total: string;
  readonly file: string;
  count: number;
}

/** Rows that are missing, twice, wrong, of nobody's file, or another organization's. */
async function findWrongRows(world: World, sent: readonly SentFile[], received: Received): Promise<string[]> {
  const expected = new Map<string, ExpectedRow>();
  for (const file of sent) {
    for (const { order, status } of received(file)) {
      if (status === 'FAILED') continue;
      for (const [id, total] of loadedRows(file.rows)) {
        const key = `${file.tenant.organizationId}/${id}`;
        if ((expected.get(key)?.order ?? '') < order)
          expected.set(key, { order, total, file: file.name, count: 0 });
      }
    }
  }
  const wrong: string[] = [];
  for await (const { key, total } of tableRows(world)) {
    const wanted = expected.get(key);
    if (!wanted) wrong.push(`${key} is in the table and in no file that was received`);
    else if (total !== wanted.total)
      wrong.push(`${key} is ${total} and has to be ${wanted.total} of ${wanted.file}`);
    if (wanted) wanted.count += 1;
  }
  for (const [key, { file, count }] of expected) {
    if (count === 0) wrong.push(`${key} of ${file} is missing`);
    else if (count > 1) wrong.push(`${key} is there ${count} times`);
  }
  return wrong;
}

const PAGE_ROWS = 50_000;

/** The rows of the table by its primary key, page by page: all at once they would not fit into memory. */
async function* tableRows({
  pool,
  organizations,
}: World): AsyncGenerator<{ readonly key: string; readonly total: string }> {
  let last: readonly string[] = ['', '', ''];
  for (;;) {
    const { rows } = await pool.query<{ o: string; l: string; id: string; total: string }>(
      `SELECT organization_id AS o, location_id AS l, transaction_id AS id, total_amount::numeric(19,2)::text AS total
         FROM public.org_transactions WHERE (organization_id, location_id, transaction_id) > ($1, $2, $3)
          AND ($4::text[] IS NULL OR organization_id = ANY ($4))
        ORDER BY organization_id, location_id, transaction_id LIMIT ${PAGE_ROWS}`,
      [...last, organizations ?? null],
    );
    for (const { o, id, total } of rows) yield { key: `${o}/${id}`, total };
    const end = rows.at(-1);
    if (!end || rows.length < PAGE_ROWS) return;
    last = [end.o, end.l, end.id];
  }
}

/** What nobody needs and nothing will remove: objects, parts, jobs, tables, unfinished records. */
async function findLeftovers({ pool, objects }: World, uploads: readonly UploadRow[]): Promise<string[]> {
  const left: string[] = [];
  for (const { file_name, status } of uploads)
    if (['RECEIVING', 'PENDING', 'PROCESSING'].includes(status)) left.push(`${file_name} is still ${status}`);
  const raw = uploads.filter((one) => one.received_at !== null).map((one) => one.object_key);
  const known = new Set([...raw, ...raw.map(rejectReportKey)]);
  for (const key of await objects.keys()) if (!known.has(key)) left.push(`object ${key}`);
  for (const key of await objects.unfinished()) left.push(`parts of ${key}`);
  const jobs = await pool.query('SELECT upload_id FROM piing.jobs');
  for (const { upload_id } of jobs.rows) left.push(`job of ${upload_id}`);
  const staging = await pool.query(
    `SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname LIKE 'pg\\_temp%'`,
  );
  for (const { name } of staging.rows) left.push(`table ${name}`);
  return left;
}

/** Whether every upload has ended, and what dead processes left is swept; undefined: not yet. */
export async function everythingEnded(pool: Queryable): Promise<true | undefined> {
  const { rows } = await pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM piing.uploads
      WHERE status IN ('RECEIVING', 'PENDING', 'PROCESSING') OR discard_pending`,
  );
  return rows[0]?.open === 0 ? true : undefined;
}
