import assert from 'node:assert/strict';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { isWithin, networkOf } from '../../src/support/addresses.ts';
import { authenticate, currentAccess, type DenialReason } from '../../src/tenancy/access.ts';
import { applyEnablement } from '../../src/tenancy/apply-enablement.ts';
import { applyOrganization, removeOrganization } from '../../src/tenancy/apply-organization.ts';
import type { OrganizationManifest } from '../../src/tenancy/resources.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { credential, Deliveries, enablement, organization } from './fixture.ts';

const ADDRESS = '203.0.113.7';

describe('Access', () => {
  let db: TestDatabase;
  const deliveries = new Deliveries();
  const apply = (manifest: OrganizationManifest) => applyOrganization(db.pool, manifest, deliveries.deliver);
  const logIn = (clientId: string, clientSecret: string, remoteAddress = ADDRESS) =>
    authenticate(db.pool, { clientId, clientSecret, remoteAddress });

  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());

  /** An organization with one credential, once allowed in and then changed. */
  async function tenant(name: string, changed?: Parameters<typeof organization>[1]) {
    await apply(organization(name));
    if (changed) await apply(organization(name, changed));
    return deliveries.last(`${name}/pos`);
  }

  async function assertDenied(
    { clientId, clientSecret }: { clientId: string; clientSecret: string },
    reason: DenialReason,
    remoteAddress = ADDRESS,
  ) {
    const denied = { allowed: false, reason };
    assert.deepEqual(await logIn(clientId, clientSecret, remoteAddress), denied);
    assert.deepEqual(await currentAccess(db.pool, { clientId, remoteAddress }), denied);
  }

  it('is given to the right secret, with the organization, its limit and its schema types', async () => {
    const issued = await tenant('limited', { limits: { maxFileBytes: 5_000_000_000 } });
    const manifest = enablement('limited-shifts', 'limited', 'orgShifts', { timeZone: 'Europe/Paris' });
    await applyEnablement(db.pool, await loadCatalogue('config/schemas'), manifest);
    const decision = await logIn(issued.clientId, issued.clientSecret);
    assert.deepEqual(decision, {
      allowed: true,
      access: {
        organizationId: 'limited',
        clientId: issued.clientId,
        credentialName: 'pos',
        maxFileBytes: 5_000_000_000,
        schemaTypes: new Map([['orgShifts', manifest.spec.transformer]]),
      },
    });
    const again = await currentAccess(db.pool, { clientId: issued.clientId, remoteAddress: ADDRESS });
    assert.deepEqual(again, decision);
  });

  it('notes when a credential was last used', async () => {
    const issued = await tenant('noted');
    const lastUsed = async () => {
      const text = 'SELECT last_used_at FROM piing.credentials WHERE client_id = $1';
      return (await db.pool.query(text, [issued.clientId])).rows[0]?.last_used_at;
    };
    await logIn(issued.clientId, 'wrong');
    assert.equal(await lastUsed(), null);
    await logIn(issued.clientId, issued.clientSecret);
    assert.ok((await lastUsed()) instanceof Date);
  });

  it('is denied to an unknown client', async () => {
    await assertDenied({ clientId: 'piing_000000000000000000000000', clientSecret: 'x' }, 'unknown-client');
  });

  it('is denied, and nothing thrown, for client ids that no database could hold', async () => {
    for (const clientId of ['', 'piing_\0', '\ud800', 'ü', 'x'.repeat(100_000), "' OR 1=1 --"]) {
      await assertDenied({ clientId, clientSecret: 'x' }, 'unknown-client');
    }
  });

  it('is denied to a wrong secret, also one with NUL in it', async () => {
    const { clientId, clientSecret } = await tenant('guessed');
    for (const wrong of [
      '',
      '\0',
      clientSecret.slice(0, -1),
      `${clientSecret} `,
      clientSecret.toLowerCase(),
    ]) {
      assert.deepEqual(await logIn(clientId, wrong), { allowed: false, reason: 'wrong-secret' });
    }
  });

  it('is denied to the secret of another credential', async () => {
    const [own, other] = [await tenant('own'), await tenant('other')];
    const decision = await logIn(own.clientId, other.clientSecret);
    assert.deepEqual(decision, { allowed: false, reason: 'wrong-secret' });
  });

  it('is denied to a revoked credential', async () => {
    await assertDenied(
      await tenant('revoked', { credentials: [credential('pos', { revoked: true })] }),
      'revoked',
    );
  });

  it('is denied to a credential from the moment it expires', async () => {
    const expiresAt = '2020-01-01T00:00:00+01:00';
    await assertDenied(
      await tenant('expired', { credentials: [credential('pos', { expiresAt })] }),
      'expired',
    );
    const later = [credential('pos', { expiresAt: '9999-12-31T23:59:59Z' })];
    const issued = await tenant('expires-later', { credentials: later });
    assert.ok((await logIn(issued.clientId, issued.clientSecret)).allowed);
  });

  it('is denied while the organization is suspended, and given again afterwards', async () => {
    const issued = await tenant('suspended', { suspended: true });
    await assertDenied(issued, 'suspended');
    await apply(organization('suspended'));
    assert.ok((await logIn(issued.clientId, issued.clientSecret)).allowed);
  });

  it('is denied once the organization is deleted', async () => {
    const issued = await tenant('deleted');
    await removeOrganization(db.pool, 'default', 'deleted');
    await assertDenied(issued, 'suspended');
  });

  it('is denied outside the allowed source ranges', async () => {
    const issued = await tenant('ranged', { allowedSourceRanges: ['203.0.113.0/24', '2001:db8::/32'] });
    for (const inside of ['203.0.113.255', '::ffff:203.0.113.7', '::FFFF:203.0.113.7', '2001:db8::1']) {
      assert.ok((await logIn(issued.clientId, issued.clientSecret, inside)).allowed, inside);
    }
    for (const outside of ['203.0.114.1', '::ffff:203.0.114.1', '2001:db9::1', '::1', '']) {
      await assertDenied(issued, 'source-address', outside);
    }
  });

  it('is given to the old and the new secret while a rotation overlaps', async () => {
    const old = await tenant('overlapping', { credentials: [credential('pos', { rotation: 2 })] });
    const [first] = deliveries.of('overlapping/pos');
    assert.ok(first && first.clientSecret !== old.clientSecret);
    assert.ok((await logIn(first.clientId, first.clientSecret)).allowed);
    assert.ok((await logIn(old.clientId, old.clientSecret)).allowed);
  });

  it('is denied to the old secret when the overlap is over', async () => {
    const rotated = [credential('pos', { rotation: 2, rotationOverlap: '0s' })];
    const issued = await tenant('rotated', { credentials: rotated });
    const [first] = deliveries.of('rotated/pos');
    assert.ok(first);
    const denied = { allowed: false, reason: 'wrong-secret' };
    assert.deepEqual(await logIn(first.clientId, first.clientSecret), denied);
    assert.ok((await logIn(issued.clientId, issued.clientSecret)).allowed);
  });
});

describe('isWithin', () => {
  it('takes every address when there are no ranges, and none when all are narrower', () => {
    assert.ok(!isWithin('10.0.0.2', []));
    assert.ok(isWithin('10.0.0.2', ['10.0.0.2']));
    assert.ok(!isWithin('10.0.0.2', ['10.0.0.1/32']));
    assert.ok(isWithin('10.0.0.2', ['0.0.0.0/0']));
    assert.ok(!isWithin('::1', ['0.0.0.0/0']));
  });
});

describe('networkOf', () => {
  it('is an IPv4 address itself, and the /64 of an IPv6 address, however it is written', () => {
    assert.equal(networkOf('192.0.2.7'), '192.0.2.7');
    assert.equal(networkOf('::ffff:192.0.2.7'), '192.0.2.7');
    for (const same of [
      '2001:db8:0:1::1',
      '2001:db8:0:1:ffff:2:3:4',
      '2001:0db8:0000:0001::',
      '2001:db8::1:0:0:0:9',
    ])
      assert.equal(networkOf(same), '2001:db8:0:1::/64', same);
    assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
    assert.notEqual(networkOf('2001:db8:0:2::1'), networkOf('2001:db8:0:1::1'));
  });
});
