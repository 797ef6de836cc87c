import assert from 'node:assert/strict';
import { CreateMultipartUploadCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Tenant } from '../support/tenants.ts';
import { type Campaign, runCampaign } from './campaign.ts';
import { checkPromise, type Findings } from './checker.ts';
import { FileMaker } from './files.ts';
import { seededRandom } from './random.ts';
import { reportOf } from './report.ts';
import { putBySftp } from './senders.ts';

const SECONDS = Number(process.env.PIING_FAULT_SECONDS ?? 60);
const SEED = Number(process.env.PIING_FAULT_SEED ?? 1);

/** A change of the world that breaks the promise, and what the checker has to say of it. */
interface Sabotage {
  readonly what: string;
  readonly finding: keyof Findings;
  readonly says: RegExp;
  readonly sql?: string;
}

const ONE_DONE = `(SELECT id FROM piing.uploads WHERE status = 'COMPLETED' AND rows_total = rows_loaded ORDER BY id LIMIT 1)`;
const ONE_ROW = '(SELECT ctid FROM public.org_transactions ORDER BY transaction_id LIMIT 1)';

const SABOTAGE: readonly Sabotage[] = [
  {
    what: 'an acknowledged file has no record',
    finding: 'lost',
    says: /acknowledged and has 0 received uploads/,
    sql: `DELETE FROM piing.uploads WHERE id = ${ONE_DONE}`,
  },
  {
    what: 'a file ended in another way than its content says',
    finding: 'lost',
    says: /is FAILED and has to be COMPLETED/,
    sql: `UPDATE piing.uploads SET status = 'FAILED' WHERE id = ${ONE_DONE}`,
  },
  {
    what: 'a file belongs to another organization',
    finding: 'lost',
    says: /belongs to org-/,
    sql: `UPDATE piing.uploads SET organization_id = (SELECT o.id FROM piing.organizations o WHERE o.id <> uploads.organization_id LIMIT 1) WHERE id = ${ONE_DONE}`,
  },
  {
    what: 'a row is missing',
    finding: 'wrongRows',
    says: /is missing/,
    sql: `DELETE FROM public.org_transactions WHERE ctid = ${ONE_ROW}`,
  },
  {
    what: 'an older value stands where a newer one was received',
    finding: 'wrongRows',
    says: /is 0\.01 and has to be/,
    sql: `UPDATE public.org_transactions SET total_amount = 0.01 WHERE ctid = ${ONE_ROW}`,
  },
  {
    what: "a row lies under another organization's id",
    finding: 'wrongRows',
    says: /is in the table and in no file|is missing/,
    sql: `UPDATE public.org_transactions SET organization_id = organization_id || 'x' WHERE ctid = ${ONE_ROW}`,
  },
  {
    what: 'an unfinished upload is never swept',
    finding: 'leftovers',
    says: /is still RECEIVING/,
    sql: `UPDATE piing.uploads SET status = 'RECEIVING' WHERE id = ${ONE_DONE}`,
  },
  {
    what: 'a job is left of a file that has ended',
    finding: 'leftovers',
    says: /job of /,
    sql: `INSERT INTO piing.jobs (upload_id, organization_id, schema_type, lane, cost, run_at)
          SELECT id, organization_id, schema_type, 'large', 1, now() + interval '1 day' FROM piing.uploads WHERE id = ${ONE_DONE}`,
  },
];

describe('Whatever fails, the gateway', function () {
  this.timeout((SECONDS + 900) * 1_000);
  let campaign: Campaign;
  before(async () => {
    campaign = await runCampaign({ seed: SEED, seconds: SECONDS, atLeast: 6 });
  });

  it('keeps every file that it acknowledged: whole, once, under its owner, and leaves nothing behind', () => {
    const { sent, findings, struck } = campaign;
    const story = `seed ${SEED}\n${reportOf(campaign)}\n${campaign.fleet.log.slice(-40).join('')}`;
    assert.deepEqual(findings, { lost: [], wrongRows: [], leftovers: [], unacknowledged: [] }, story);
    assert.ok(sent.filter(({ told }) => told === 'acknowledged').length >= 20, story);
    assert.ok(struck.size >= 6, story);
  });

  describe('is found out by the checker when', () => {
    /** The fleet rests, so that it mends nothing meanwhile. */
    before(async () => {
      for (const member of campaign.fleet.members) await campaign.fleet.kill(member);
    });

    /** What is said after a statement, which is then taken back. */
    async function findingsAfter(statement: string): Promise<Findings> {
      const client = await campaign.fleet.pool.connect();
      try {
        await client.query('BEGIN');
        const { rowCount } = await client.query(statement);
        assert.equal(rowCount, 1, 'it has to change something');
        return await checkPromise({ ...campaign.fleet, pool: client }, campaign.sent, { objects: false });
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    }

    for (const { what, finding, says, sql = '' } of SABOTAGE) {
      it(what, async () => {
        const found = await findingsAfter(sql);
        assert.match(found[finding].join('\n'), says);
      });
    }

    it('a refused file is processed all the same', async () => {
      const [file] = campaign.sent.filter(({ told }) => told === 'acknowledged');
      assert.ok(file);
      const pretending = campaign.sent.map((one) =>
        one === file ? { ...one, told: 'refused' as const } : one,
      );
      const { unacknowledged } = await checkPromise(campaign.fleet, pretending, { objects: false });
      assert.equal(unacknowledged.length, 1);
    });

    it('a file is acknowledged before its record is durable', async () => {
      const { pool, members, tenants, start, kill, crashDatabase } = campaign.fleet;
      const gateway = members.find(({ role }) => role === 'gateway');
      assert.ok(gateway);
      await pool.query("ALTER SYSTEM SET synchronous_commit = 'off'");
      await pool.query("ALTER SYSTEM SET wal_writer_delay = '10s'");
      await pool.query('SELECT pg_reload_conf()');
      await start(gateway);
      const file = new FileMaker(seededRandom(SEED)).next(tenants[0] as Tenant, 'too-early', 'sftp');
      await putBySftp(gateway, file);
      assert.equal(file.told, 'acknowledged');
      await crashDatabase();
      await kill(gateway);
      const { lost } = await checkPromise(campaign.fleet, [file], { objects: false });
      assert.match(lost.join(), /too-early-000001.csv was acknowledged and has 0 received uploads/);
    });

    it('an object is changed, gone, or nobody’s, or parts of one are left', async () => {
      const { s3, bucket, pool } = campaign.fleet;
      const { rows } = await pool.query(`SELECT object_key FROM piing.uploads WHERE id = ${ONE_DONE}`);
      const Key = `files/${rows[0].object_key}`;
      const check = () => checkPromise(campaign.fleet, campaign.sent);
      await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'other bytes' }));
      assert.match((await check()).lost.join(), /the stored object is not what was sent/);
      await s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
      assert.match((await check()).lost.join(), /the stored object is not what was sent/);
      await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'files/raw/x/y.csv', Body: 'x' }));
      await s3.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'files/raw/x/z.csv' }));
      assert.match(
        (await check()).leftovers.join(),
        /object files\/raw\/x\/y\.csv,parts of files\/raw\/x\/z\.csv/,
      );
    });
  });
});
