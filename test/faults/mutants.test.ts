import assert from 'node:assert/strict';
import { FLAGS, RawSftp } from '../support/raw-sftp.ts';
import { until } from '../support/until.ts';
import { settle } from './campaign.ts';
import { checkPromise, type Findings } from './checker.ts';
import { FileMaker, type SentFile } from './files.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Role } from './member.ts';
import { type Mutation, mutate } from './mutants.ts';
import { seededRandom } from './random.ts';
import { sendFile } from './senders.ts';

/** The sweeper takes a process for dead after 45 s and looks every 15. */
const SETTLE_MS = 90_000;
/** On a machine that does a lot else. */
const START_MS = 120_000;
const SMALL_FLEET = { gateway: 1, api: 0, worker: 1 };

/** What happens to a fleet, the same with every version of the code; resolves with the files that were sent. */
type History = (fleet: Fleet, maker: FileMaker) => Promise<SentFile[]>;

interface Mutant {
  readonly what: string;
  readonly mutation: Mutation;
  readonly history: History;
  readonly finding: keyof Findings;
  readonly says: RegExp;
}

const member = ({ members }: Fleet, role: Role) => {
  const found = members.find((one) => one.role === role);
  assert.ok(found);
  return found;
};

async function put(fleet: Fleet, file: SentFile): Promise<SentFile> {
  await sendFile(member(fleet, 'gateway'), file);
  return file;
}

const tenantOf = ({ tenants }: Fleet) => tenants[0] ?? assert.fail('no tenant');

/** The worker dies after the rows were committed and before the upload's end was recorded. */
const diesBetweenCommits: History = async (fleet, maker) => {
  const worker = member(fleet, 'worker');
  const lock = await fleet.pool.connect();
  await lock.query('BEGIN');
  await lock.query('LOCK TABLE piing.webhook_endpoints IN ACCESS EXCLUSIVE MODE');
  const file = await put(fleet, maker.make(tenantOf(fleet), 'between', { count: 2_000, exclusive: true }));
  assert.equal(file.told, 'acknowledged', file.reason);
  await until(async () => {
    const { rows } = await fleet.pool.query('SELECT FROM public.load_ledger WHERE rows_loaded > 0');
    return rows.length > 0 ? true : undefined;
  });
  await worker.end();
  await lock.query('ROLLBACK');
  lock.release();
  await worker.start(START_MS);
  return [file];
};

/** A file whose processing was put off, as after a fault, is processed after a newer one. */
const olderComesLast: History = async (fleet, maker) => {
  const worker = member(fleet, 'worker');
  const putOff = (seconds: number) =>
    fleet.pool.query('UPDATE piing.jobs SET attempts = 7, run_at = now() + make_interval(secs => $1)', [
      seconds,
    ]);
  await worker.end();
  const older = await put(fleet, maker.make(tenantOf(fleet), 'older', { count: 2_000 }));
  await putOff(120);
  const newer = await put(fleet, maker.make(tenantOf(fleet), 'newer', { count: 2_000 }));
  for (const { told, reason } of [older, newer]) assert.equal(told, 'acknowledged', reason);
  await worker.start(START_MS);
  await until(async () => {
    const { rows } = await fleet.pool.query(
      `SELECT FROM piing.uploads WHERE file_name = $1 AND status = 'COMPLETED'`,
      [newer.name],
    );
    return rows.length > 0 ? true : undefined;
  });
  await putOff(0);
  return [older, newer];
};

/** A gateway is killed in the middle of a file. */
const diesWhileReceiving: History = async (fleet, maker) => {
  const gateway = member(fleet, 'gateway');
  const file = maker.make(tenantOf(fleet), 'cut', { count: 2_000 });
  const { clientId: username, clientSecret: password } = file.tenant;
  const sftp = await RawSftp.connect({ host: '127.0.0.1', port: gateway.port, username, password });
  const opened = await sftp.open(`/orgTransactions/${file.name}`, FLAGS.write);
  assert.ok(opened.type === 'handle', JSON.stringify(opened));
  await sftp.write(opened.handle, 0, file.content.subarray(0, 20_000));
  await gateway.end();
  await gateway.start(START_MS);
  file.told = 'refused';
  return [file];
};

/** The store is out of reach when a file is closed, and its gateway dies before it is back. */
const storeGoesAway: History = async (fleet, maker) => {
  const gateway = member(fleet, 'gateway');
  gateway.store?.set({ kind: 'refused' });
  const file = await put(fleet, maker.make(tenantOf(fleet), 'nowhere', { count: 50 }));
  await gateway.end();
  gateway.store?.set({ kind: 'open' });
  await gateway.start(START_MS);
  return [file];
};

const MUTANTS: readonly Mutant[] = [
  {
    what: 'the ledger does not keep a file from being loaded twice',
    mutation: {
      file: 'src/pipeline/load/ledger.ts',
      from: 'return !entry || entry.claimed ? undefined',
      to: 'return entry ? undefined',
    },
    history: diesBetweenCommits,
    finding: 'lost',
    says: /between-\d+\.csv counts 0 new rows and had 2000/,
  },
  {
    what: 'whichever file is processed last wins',
    mutation: {
      file: 'src/pipeline/load/load-sql.ts',
      from: `'<=' : '>='`,
      to: `'IS DISTINCT FROM' : '>='`,
    },
    history: olderComesLast,
    finding: 'wrongRows',
    says: /has to be .* of newer-/,
  },
  {
    what: 'nobody sweeps what dead processes left',
    mutation: {
      file: 'src/intake/sweeper.ts',
      from: "WHERE u.status = 'RECEIVING'",
      to: 'WHERE false',
    },
    history: diesWhileReceiving,
    finding: 'leftovers',
    says: /cut-\d+\.csv is still RECEIVING/,
  },
  {
    what: 'a file is acknowledged before it is in the store',
    mutation: {
      file: 'src/intake/incoming-upload.ts',
      from: 'await this.#options.writer.complete()',
      to: 'this.#options.writer.complete().catch(() => undefined)',
    },
    history: storeGoesAway,
    finding: 'lost',
    says: /nowhere-\d+\.csv: the stored object is not what was sent/,
  },
];

async function findingsOf(histories: readonly History[], directory?: string): Promise<Findings> {
  const fleet = await startFleet({ directory, counts: SMALL_FLEET, disks: false });
  const maker = new FileMaker(seededRandom(1), 0);
  const sent: SentFile[] = [];
  for (const history of histories) sent.push(...(await history(fleet, maker)));
  await settle(fleet, { patienceMs: SETTLE_MS });
  for (const one of fleet.members) await one.end();
  return checkPromise({ pool: fleet.pool, objects: fleet.store.objects }, sent);
}

describe('The checker of the promise', function () {
  this.timeout(400_000);
  let asItIs: Promise<Findings>;
  const mutated = new Map<Mutant, Promise<Findings>>();
  /** They wait more than they work, so all run at the same time. */
  before(() => {
    asItIs = findingsOf(MUTANTS.map(({ history }) => history));
    for (const mutant of MUTANTS)
      mutated.set(
        mutant,
        mutate(mutant.mutation).then((directory) => findingsOf([mutant.history], directory)),
      );
    for (const running of [asItIs, ...mutated.values()]) running.catch(() => undefined);
  });

  it('finds nothing in what happens to the code as it is', async () => {
    for (const [what, found] of Object.entries(await asItIs)) assert.deepEqual(found, [], what);
  });

  for (const mutant of MUTANTS)
    it(`finds by the same events that ${mutant.what}`, async () => {
      const found = await mutated.get(mutant);
      assert.match(found?.[mutant.finding].join('\n') ?? '', mutant.says);
    });
});
