import assert from 'node:assert/strict';
import type { Tenant } from '../support/tenants.ts';
import { type Campaign, runCampaign } from './campaign.ts';
import { checkPromise, type Findings, type World } from './checker.ts';
import { FileMaker } from './files.ts';
import { seededRandom } from './random.ts';
import { reportOf } from './report.ts';
import { sendFile } from './senders.ts';

/** What the checker looks at. */
const worldOf = ({ fleet }: Campaign): World => ({ pool: fleet.pool, objects: fleet.store.objects });

const SECONDS = Number(process.env.FAULTS_SECONDS ?? 60);
const SEED = Number(process.env.FAULTS_SEED ?? 1);

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
    what: 'a file that was sent later counts as received earlier',
    finding: 'wrongOrder',
    says: /counts as received after/,
    sql: `UPDATE piing.uploads SET received_at = '2000-01-01' WHERE id =
          (SELECT id FROM piing.uploads WHERE received_at IS NOT NULL ORDER BY received_at DESC LIMIT 1)`,
  },
  {
    what: 'a file is said to have brought rows that are there already, and they are its own',
    finding: 'lost',
    says: /new rows and had/,
    sql: `UPDATE piing.uploads SET rows_loaded = rows_loaded - 1 WHERE id = (
            SELECT u.id FROM piing.uploads u JOIN public.org_transactions t ON t._upload_id = u.id
             WHERE u.status = 'COMPLETED' AND t.transaction_id > 'T-0000-1' AND length(t.transaction_id) = 16 LIMIT 1)`,
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

/** Nobody but a fault of this name may have ended a process. */
const DEADLY = 'out of memory';

function keptItsPromise(campaign: Campaign): void {
  const { sent, findings, struck, leftOut, deaths } = campaign;
  const story = `seed ${SEED}\n${reportOf(campaign)}\n${campaign.fleet.log.slice(-40).join('')}`;
  for (const [what, found] of Object.entries(findings)) assert.deepEqual(found, [], `${what}: ${story}`);
  assert.ok(sent.filter(({ told }) => told === 'acknowledged').length >= 20, story);
  assert.ok(struck.size >= 6, story);
  assert.ok(deaths.length <= (struck.get(DEADLY)?.length ?? 0), story);
  const missing = leftOut.filter((name) => !name.endsWith('(no S3 server)'));
  for (const name of missing) process.stderr.write(`\n    !! Not tried: ${name}\n`);
  if (process.env.CI === 'true') assert.doesNotMatch(missing.join(), /faketime/, story);
}

describe('Whatever fails, the gateway on a directory that all share', function () {
  this.timeout((SECONDS + 900) * 1_000);

  it('keeps every file that it acknowledged: whole, once, under its owner, and leaves nothing behind', async () => {
    keptItsPromise(await runCampaign({ store: 'directory', seed: SEED, seconds: SECONDS / 2, atLeast: 6 }));
  });
});

describe('Whatever fails, the gateway on S3', function () {
  this.timeout((SECONDS + 900) * 1_000);
  let campaign: Campaign;
  before(async () => {
    campaign = await runCampaign({ seed: SEED, seconds: SECONDS, atLeast: 6 });
  });

  it('keeps every file that it acknowledged: whole, once, under its owner, and leaves nothing behind', () =>
    keptItsPromise(campaign));

  describe('is found out by the checker when', () => {
    /** The fleet rests, so that it mends nothing meanwhile. */
    before(async () => {
      for (const member of campaign.fleet.members) await member.end();
    });

    /** What is said after a statement, which is then taken back. */
    async function findingsAfter(statement: string): Promise<Findings> {
      const client = await campaign.fleet.pool.connect();
      try {
        await client.query('BEGIN');
        const { rowCount } = await client.query(statement);
        assert.equal(rowCount, 1, 'it has to change something');
        return await checkPromise({ ...worldOf(campaign), pool: client }, campaign.sent, { objects: false });
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
      const { unacknowledged } = await checkPromise(worldOf(campaign), pretending, { objects: false });
      assert.equal(unacknowledged.length, 1);
    });

    it('a file is acknowledged before its record is durable', async () => {
      const { pool, members, tenants, database } = campaign.fleet;
      const gateway = members.find(({ role }) => role === 'gateway');
      assert.ok(gateway);
      await pool.query("ALTER SYSTEM SET synchronous_commit = 'off'");
      await pool.query("ALTER SYSTEM SET wal_writer_delay = '10s'");
      await pool.query('SELECT pg_reload_conf()');
      await gateway.start();
      const file = new FileMaker(seededRandom(SEED), 9).next(tenants[0] as Tenant, 'too-early', 'sftp');
      await sendFile(gateway, file);
      assert.equal(file.told, 'acknowledged');
      await database.crash();
      await gateway.end();
      const { lost } = await checkPromise(worldOf(campaign), [file], { objects: false });
      assert.match(lost.join(), /too-early-000001.csv was acknowledged and has 0 received uploads/);
    });

    it('an object is changed, gone, or nobody’s, or parts of one are left', async () => {
      const { pool, store } = campaign.fleet;
      const { rows } = await pool.query(`SELECT object_key FROM piing.uploads WHERE id = ${ONE_DONE}`);
      const check = () => checkPromise(worldOf(campaign), campaign.sent);
      await store.objects.damage.put(rows[0].object_key, 'other bytes');
      assert.match((await check()).lost.join(), /the stored object is not what was sent/);
      await store.objects.damage.remove(rows[0].object_key);
      assert.match((await check()).lost.join(), /the stored object is not what was sent/);
      await store.objects.damage.put('raw/x/y.csv', 'x');
      await store.objects.damage.begin('raw/x/z.csv');
      assert.match((await check()).leftovers.join(), /object raw\/x\/y\.csv,parts of raw\/x\/z\.csv/);
    });
  });
});
