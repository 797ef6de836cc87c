import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type Pool } from '../../src/database/pool.ts';
import { Charge, NotInChargeError } from '../../src/operator/charge.ts';
import { systemClock } from '../../src/operator/runtime/clock.ts';
import type { DeliverCredential } from '../../src/tenancy/apply.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import { listOperators, putInCharge } from '../../src/tenancy/operator-claims.ts';
import { removeVanished } from '../../src/tenancy/remove-vanished.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { silentLogger } from '../support/logger.ts';
import { until } from '../support/until.ts';
import { organization } from '../tenancy/fixture.ts';

const IDLE_MS = 1_000;

/** Processes of operators as far as the database sees them. */
describe('An operator in charge', () => {
  let db: TestDatabase;
  const stopping: AbortController[] = [];
  const pools: Pool[] = [];
  beforeEach(async () => {
    db = await migratedDatabase();
  });
  afterEach(async () => {
    for (const controller of stopping.splice(0)) controller.abort();
    for (const pool of pools.splice(0)) await pool.end();
    await db.close();
  });

  function process(id: string, mayAsk = () => true, idNow = () => id) {
    const pool = createPool({
      url: db.url,
      applicationName: id,
      max: 4,
      statementTimeoutMs: 15_000,
      idleTransactionTimeoutMs: IDLE_MS,
      logger: silentLogger,
    });
    pools.push(pool);
    const controller = new AbortController();
    stopping.push(controller);
    const heard = { refused: false, lost: 0 };
    const charge = new Charge({
      pool,
      id: idNow,
      namespaces: null,
      host: `${id}-pod`,
      resourceUids: () => [],
      mayAsk,
      clock: systemClock,
      logger: silentLogger,
      onRefused: (refused) => {
        heard.refused = refused;
      },
      onLost: () => {
        heard.lost += 1;
      },
    });
    const apply = (displayName: string, generation: number, deliver: DeliverCredential = async () => {}) =>
      applyOrganization(pool, organization('blue', { displayName }), deliver, {
        fence: charge.fence,
        revision: { uid: 'uid', generation },
      });
    return { pool, charge, heard, apply, take: () => charge.take(controller.signal) };
  }
  const displayName = async () =>
    (await db.pool.query("SELECT display_name FROM piing.organizations WHERE id = 'blue'")).rows[0]
      ?.display_name;

  it('that is stopped in the middle of a transaction does not commit it after another has taken over', async () => {
    const [frozen, next] = [process('same'), process('same')];
    await frozen.take();
    const thawed = Promise.withResolvers<void>();
    let reached = false;
    const outdated = frozen.apply('first', 1, async () => {
      reached = true;
      await thawed.promise;
    });
    const failed = assert.rejects(outdated);
    await until(async () => reached || undefined);
    let taken = false;
    const taking = next.take().then(() => {
      taken = true;
    });
    await sleep(IDLE_MS / 2);
    assert.equal(taken, false, 'it took over while the other could still commit');
    await taking;
    await next.apply('second', 2);
    thawed.resolve();
    await failed;
    assert.equal(await displayName(), 'second');
  });

  it('that is stopped before its transaction writes nothing after another has taken over', async () => {
    let leads = true;
    const [frozen, next] = [process('same', () => leads), process('same')];
    await frozen.take();
    await frozen.apply('first', 1);
    leads = false;
    await next.take();
    await next.apply('second', 2);
    await assert.rejects(frozen.apply('first', 1), NotInChargeError);
    await assert.rejects(
      removeVanished(frozen.pool, () => false, null, frozen.charge.fence),
      NotInChargeError,
    );
    assert.equal(await displayName(), 'second');
    assert.equal(frozen.heard.lost, 0);
  });

  it('asks again when the database has forgotten it', async () => {
    const only = process('only');
    await only.take();
    await only.apply('first', 1);
    await db.pool.query('TRUNCATE piing.operators');
    await assert.rejects(only.apply('second', 2), NotInChargeError);
    await until(async () => only.apply('second', 2).catch(() => undefined));
    assert.equal(await displayName(), 'second');
  });

  it('is still the same when its Lease was deleted and made again with another UID', async () => {
    let uid = 'first';
    const only = process('only', undefined, () => uid);
    await only.take();
    uid = 'second';
    await only.apply('works', 1);
    await db.pool.query('TRUNCATE piing.operators');
    await until(async () => only.apply('works on', 2).catch(() => undefined));
    assert.deepEqual(
      (await listOperators(db.pool)).map(({ id }) => id),
      ['first'],
    );
    assert.equal(await displayName(), 'works on');
  });

  it('keeps another install away, which says what to do about it', async () => {
    const [first, second] = [process('first'), process('second')];
    await first.take();
    await first.apply('first', 1);
    void second.take();
    await until(async () => second.heard.refused || undefined);
    assert.match(
      second.charge.problem ?? '',
      /^Another operator is in charge of all namespaces in this database: first, last seen .* on first-pod\. .*piing operators put-in-charge second$/,
    );
    await assert.rejects(second.apply('second', 1), NotInChargeError);
    await assert.rejects(
      removeVanished(second.pool, () => false, null, second.charge.fence),
      NotInChargeError,
    );
    assert.equal(await displayName(), 'first');
    assert.equal(first.charge.problem, undefined);
  });

  it('ends when an administrator has put another install in charge', async () => {
    const [first, second] = [process('first'), process('second')];
    await first.take();
    const taking = second.take();
    await until(async () => second.heard.refused || undefined);
    await putInCharge(db.pool, 'second');
    await assert.rejects(first.apply('first', 1), NotInChargeError);
    await until(async () => first.heard.lost || undefined);
    assert.match(first.charge.problem ?? '', /in charge of all namespaces in this database: second/);
    await taking;
    await second.apply('second', 1);
    assert.deepEqual([second.heard.refused, second.charge.problem], [false, undefined]);
    assert.equal(await displayName(), 'second');
  });
});
