import assert from 'node:assert/strict';
import { authenticate } from '../../src/tenancy/access.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import type { CredentialSpec } from '../../src/tenancy/resources.ts';
import type { IssuedCredential } from '../../src/tenancy/secrets.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { credential, Deliveries, listenToTenancy, organization } from './fixture.ts';

const HOUR = 3_600_000;

describe('The credentials of an organization', () => {
  let db: TestDatabase;
  let deliveries: Deliveries;
  let name: string;
  let count = 0;

  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());
  beforeEach(() => {
    deliveries = new Deliveries();
    name = `org-${++count}`;
  });

  const apply = (...credentials: CredentialSpec[]) =>
    applyOrganization(db.pool, organization(name, { credentials }), deliveries.deliver);
  const issued = (credentialName = 'pos') => deliveries.of(`${name}/${credentialName}`);

  /** `allowed`, or why not. */
  const logIn = async (pair: IssuedCredential | undefined) => {
    assert.ok(pair, 'no such pair was delivered');
    const decision = await authenticate(db.pool, { ...pair, remoteAddress: '127.0.0.1' });
    return decision.allowed ? 'allowed' : decision.reason;
  };
  /** Hours that the secrets still have, oldest first; null: no end. */
  const hoursLeft = async () => {
    const { rows } = await db.pool.query<{ valid_until: Date | null }>(
      `SELECT s.valid_until FROM piing.credential_secrets s JOIN piing.credentials c USING (client_id)
        WHERE c.organization_id = $1 ORDER BY s.created_at`,
      [name],
    );
    return rows.map(({ valid_until: end }) => (end ? Math.round((end.getTime() - Date.now()) / HOUR) : null));
  };

  it('are issued when they are new, each a pair of its own', async () => {
    assert.deepEqual(await apply(credential('pos'), credential('erp')), { changed: true });
    const [pos, erp] = [...issued('pos'), ...issued('erp')];
    assert.notEqual(pos?.clientId, erp?.clientId);
    assert.equal(await logIn(pos), 'allowed');
    assert.equal(await logIn(erp), 'allowed');
  });

  it('are stored without their secrets', async () => {
    await apply(credential('pos'));
    const secret = deliveries.last(`${name}/pos`).clientSecret;
    for (const table of ['organizations', 'credentials', 'credential_secrets']) {
      const { rows } = await db.pool.query(`SELECT t::text AS text FROM piing.${table} t`);
      assert.ok(
        rows.every(
          ({ text }) => !text.includes(secret) && !text.includes(Buffer.from(secret).toString('hex')),
        ),
      );
    }
  });

  it('get a new secret for the same client id when rotation is raised, and the old one runs out', async () => {
    await apply(credential('pos'));
    const rotated = credential('pos', { rotation: 2, rotationOverlap: '1h60m' });
    assert.deepEqual(await apply(rotated), { changed: true });
    const [old, fresh] = issued();
    assert.equal(fresh?.clientId, old?.clientId);
    assert.notEqual(fresh?.clientSecret, old?.clientSecret);
    assert.deepEqual([await logIn(old), await logIn(fresh)], ['allowed', 'allowed']);
    assert.deepEqual(await hoursLeft(), [2, null]);
    assert.deepEqual(await apply(rotated), { changed: false });
  });

  it('get one new secret however far rotation is raised', async () => {
    await apply(credential('pos'));
    await apply(credential('pos', { rotation: 9 }));
    assert.equal(issued().length, 2);
  });

  it('give a secret that is already running out no more time', async () => {
    await apply(credential('pos'));
    await apply(credential('pos', { rotation: 2, rotationOverlap: '1h' }));
    await apply(credential('pos', { rotation: 3, rotationOverlap: '48h' }));
    assert.deepEqual(await hoursLeft(), [1, 48, null]);
  });

  it('count the next raise from where rotation was lowered to', async () => {
    await apply(credential('pos', { rotation: 5 }));
    assert.deepEqual(await apply(credential('pos', { rotation: 2 })), { changed: true });
    assert.equal(issued().length, 1);
    await apply(credential('pos', { rotation: 3 }));
    assert.equal(issued().length, 2);
  });

  it('keep the old secret alone when the new one cannot be delivered', async () => {
    await apply(credential('pos'));
    const rotated = organization(name, { credentials: [credential('pos', { rotation: 2 })] });
    const failing = async () => {
      throw new Error('disk full');
    };
    await assert.rejects(applyOrganization(db.pool, rotated, failing), /disk full/);
    assert.deepEqual(await hoursLeft(), [null]);
    assert.equal(await logIn(issued()[0]), 'allowed');
    await apply(credential('pos', { rotation: 2 }));
    assert.equal(issued().length, 2);
  });

  it('are refused while revoked, and work again with the same secret afterwards', async () => {
    await apply(credential('pos'));
    await apply(credential('pos', { revoked: true }));
    assert.equal(await logIn(issued()[0]), 'revoked');
    await apply(credential('pos'));
    assert.equal(await logIn(issued()[0]), 'allowed');
    assert.equal(issued().length, 1);
  });

  it('get no secret while revoked; a rotation is made up for later, and gives the old secret no overlap', async () => {
    await apply(credential('pos'));
    const revoked = credential('pos', { revoked: true, rotation: 2 });
    await apply(revoked);
    assert.deepEqual(await apply(revoked), { changed: false });
    assert.equal(issued().length, 1);
    await apply(credential('pos', { rotation: 2 }));
    const [old, fresh] = issued();
    assert.deepEqual([await logIn(old), await logIn(fresh)], ['wrong-secret', 'allowed']);
  });

  it('are not made while they are revoked from the start', async () => {
    assert.deepEqual(await apply(credential('pos'), credential('erp', { revoked: true })), { changed: true });
    assert.equal(issued('erp').length, 0);
    await apply(credential('pos'), credential('erp'));
    assert.equal(await logIn(issued('erp')[0]), 'allowed');
  });

  it('expire when the manifest says, and no longer when it stops saying so', async () => {
    await apply(credential('pos', { expiresAt: '2020-01-01T00:00:00Z' }));
    assert.equal(await logIn(issued()[0]), 'expired');
    assert.deepEqual(await apply(credential('pos')), { changed: true });
    assert.equal(await logIn(issued()[0]), 'allowed');
  });

  it('are revoked when they are no longer listed', async () => {
    await apply(credential('pos'), credential('erp'));
    assert.deepEqual(await apply(credential('erp')), { changed: true });
    assert.deepEqual([await logIn(issued('pos')[0]), await logIn(issued('erp')[0])], ['revoked', 'allowed']);
    assert.deepEqual(await apply(credential('erp')), { changed: false });
  });

  it('get a new secret when they are listed again, so that a name does not bring an old secret back', async () => {
    await apply(credential('pos'));
    await apply();
    await apply(credential('pos'));
    const [old, fresh] = issued();
    assert.equal(fresh?.clientId, old?.clientId);
    assert.deepEqual([await logIn(old), await logIn(fresh)], ['wrong-secret', 'allowed']);
  });

  it('tell open sessions when one is revoked', async () => {
    await apply(credential('pos'));
    const tenancy = await listenToTenancy(db.url);
    await apply(credential('pos', { revoked: true }));
    assert.deepEqual(await tenancy.heard(), [name]);
    await apply();
    await apply();
    await tenancy.close();
  });
});
