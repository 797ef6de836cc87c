import assert from 'node:assert/strict';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import {
  claimNamespaces,
  listOperators,
  type OperatorClaim,
  putInCharge,
  renewClaim,
} from '../../src/tenancy/operator-claims.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { Deliveries, organization } from './fixture.ts';

describe('The namespaces of a database', () => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await migratedDatabase();
  });
  afterEach(() => db.close());

  const claim = (id: string, namespaces: readonly string[] | null, resourceUids: readonly string[] = []) => {
    const asked: OperatorClaim = { id, namespaces, host: `${id}-pod`, resourceUids };
    return claimNamespaces(db.pool, asked);
  };
  const termOf = async (...asked: Parameters<typeof claim>) => {
    const result = await claim(...asked);
    assert.ok('term' in result, JSON.stringify(result));
    return result.term;
  };
  const rivalOf = async (...asked: Parameters<typeof claim>) => {
    const result = await claim(...asked);
    return 'rival' in result ? result.rival.id : undefined;
  };
  const mayWrite = async (id: string, term: number) =>
    (await db.pool.query('SELECT piing.operator_may_write($1, $2) AS yes', [id, term])).rows[0]?.yes;
  const silence = (id: string, minutes: number) =>
    db.pool.query('UPDATE piing.operators SET seen_at = now() - $2 * interval $$1 minute$$ WHERE id = $1', [
      id,
      minutes,
    ]);

  it('go to the first operator that asks for them, and others that share none have theirs', async () => {
    await termOf('a', ['shops', 'bars']);
    assert.equal(await rivalOf('b', ['bars']), 'a');
    assert.equal(await rivalOf('c', null), 'a');
    await termOf('d', ['hotels']);
    assert.deepEqual((await listOperators(db.pool)).map(({ id, inCharge }) => `${id} ${inCharge}`).sort(), [
      'a true',
      'b false',
      'c false',
      'd true',
    ]);
  });

  it('are not shared with an operator that has all of them', async () => {
    await termOf('a', null);
    assert.equal(await rivalOf('b', ['bars']), 'a');
    assert.equal(await rivalOf('b', null), 'a');
  });

  it('are written by the process that asked last, and no more by those before it', async () => {
    const first = await termOf('a', null);
    assert.equal(await mayWrite('a', first), true);
    const second = await termOf('a', null);
    assert.ok(second > first);
    assert.deepEqual([await mayWrite('a', first), await mayWrite('a', second)], [false, true]);
    assert.equal(await renewClaim(db.pool, 'a', first), false);
    assert.equal(await renewClaim(db.pool, 'a', second), true);
    assert.equal(await mayWrite('b', second), false);
  });

  it('are handed over when what is being written is done', async () => {
    const first = await termOf('a', null);
    const client = await db.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT piing.operator_may_write($1, $2)', ['a', first]);
    let done = false;
    const next = termOf('a', null).finally(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(done, false);
    await client.query('COMMIT');
    client.release();
    await next;
  });

  it('have later terms also after a restore of the database', async () => {
    const before = await termOf('a', null);
    await db.pool.query('UPDATE piing.operators SET term = 1');
    assert.equal(await mayWrite('a', before), true);
    assert.ok((await termOf('a', null)) > before);
    await db.pool.query('DELETE FROM piing.operators');
    assert.equal(await mayWrite('a', before), false);
    assert.ok((await termOf('a', null)) > before);
  });

  it('stay with an operator that is silent, because its tenants may be unknown to the next one', async () => {
    await termOf('a', null);
    const resource = { revision: { uid: 'uid-1', generation: 1 } };
    await applyOrganization(db.pool, organization('blue'), new Deliveries().deliver, resource);
    await silence('a', 600);
    assert.equal(await rivalOf('b', null), 'a');
    assert.equal(await rivalOf('b', null, ['uid-2']), 'a');
  });

  it('go on to an operator of the same cluster, which knows every tenant, once the former one is silent', async () => {
    await termOf('a', null);
    const resource = { revision: { uid: 'uid-1', generation: 1 } };
    await applyOrganization(db.pool, organization('blue'), new Deliveries().deliver, resource);
    assert.equal(await rivalOf('b', null, ['uid-1']), 'a');
    await silence('a', 3);
    const term = await termOf('b', null, ['uid-1', 'uid-2']);
    assert.equal(await mayWrite('b', term), true);
    assert.equal(await rivalOf('a', null, ['uid-1']), 'b');
  });

  it('are given to the operator that an administrator names', async () => {
    const former = await termOf('a', null);
    await rivalOf('b', ['bars']);
    assert.equal(await putInCharge(db.pool, 'unknown'), undefined);
    assert.equal((await putInCharge(db.pool, 'b'))?.inCharge, true);
    assert.equal(await mayWrite('a', former), false);
    assert.equal(await rivalOf('a', null), 'b');
    await termOf('b', ['bars']);
  });
});
