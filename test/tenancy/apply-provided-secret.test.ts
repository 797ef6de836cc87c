import assert from 'node:assert/strict';
import type { ClientId } from '../../src/support/ids.ts';
import { authenticate } from '../../src/tenancy/access.ts';
import { type ProvidedSecret, UndeliverableError } from '../../src/tenancy/apply.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { credential, Deliveries, organization } from './fixture.ts';

const CLIENT_ID = `piing_${'0a'.repeat(12)}` as ClientId;
const secret = (letter: string) => letter.repeat(40);

describe('A secret that its owner chose', () => {
  let db: TestDatabase;
  const deliveries = new Deliveries();
  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());

  const apply = (name: string, provided: ProvidedSecret, spec = {}) =>
    applyOrganization(
      db.pool,
      organization(name, { credentials: [credential('pos', { secretRef: { name: 'own' }, ...spec })] }),
      deliveries.deliver,
      { provided: new Map([['pos', provided]]) },
    );
  const idOf = async (name: string) => {
    const { rows } = await db.pool.query(
      'SELECT client_id FROM piing.credentials WHERE organization_id = $1',
      [name],
    );
    return rows[0]?.client_id as string;
  };
  const allows = async (clientId: string, clientSecret: string) =>
    (await authenticate(db.pool, { clientId, clientSecret, remoteAddress: '127.0.0.1' })).allowed;

  it('opens doors under the client id that comes with it, and nothing is delivered', async () => {
    assert.deepEqual(await apply('own-id', { clientId: CLIENT_ID, clientSecret: secret('a') }), {
      changed: true,
    });
    assert.equal(await allows(CLIENT_ID, secret('a')), true);
    assert.deepEqual(await apply('own-id', { clientId: CLIENT_ID, clientSecret: secret('a') }), {
      changed: false,
    });
    assert.equal(deliveries.count, 0);
  });

  it('is given a client id when it brings none', async () => {
    await apply('no-id', { clientSecret: secret('b') });
    assert.equal(await allows(await idOf('no-id'), secret('b')), true);
  });

  it('overlaps with the one before, and can come back', async () => {
    await apply('changing', { clientSecret: secret('c') });
    await apply('changing', { clientSecret: secret('d') }, { rotationOverlap: '0s' });
    const id = await idOf('changing');
    assert.deepEqual([await allows(id, secret('c')), await allows(id, secret('d'))], [false, true]);
    await apply('changing', { clientSecret: secret('c') });
    assert.deepEqual([await allows(id, secret('c')), await allows(id, secret('d'))], [true, true]);
  });

  it('does not get a client id of somebody else, or another one later', async () => {
    const taken = await apply('thief', { clientId: CLIENT_ID, clientSecret: secret('e') });
    assert.match(JSON.stringify(taken), /client_id piing_(0a)+ belongs to another credential/);
    assert.equal(await allows(CLIENT_ID, secret('e')), false);
    await apply('steady', { clientSecret: secret('f') });
    const changed = await apply('steady', {
      clientId: `piing_${'1b'.repeat(12)}` as ClientId,
      clientSecret: secret('f'),
    });
    assert.match(JSON.stringify(changed), /cannot be changed\. Use that/);
  });

  it('is revoked also while its Secret is away', async () => {
    await apply('revoked', { clientSecret: secret('g') });
    const result = await apply('revoked', { problem: 'There is no Secret own.' }, { revoked: true });
    assert.deepEqual(result, { changed: true, incomplete: ['There is no Secret own.'] });
    assert.equal(await allows(await idOf('revoked'), secret('g')), false);
  });
});

describe('A secret that cannot be delivered', () => {
  let db: TestDatabase;
  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());

  it('is not put into use, keeps its place for later, and holds nothing else up', async () => {
    const deliveries = new Deliveries();
    const manifest = organization('partly', {
      suspended: true,
      credentials: [credential('pos'), credential('erp')],
    });
    let refuse = true;
    const apply = () =>
      applyOrganization(db.pool, manifest, async (id, name, issued) => {
        if (refuse && name === 'pos') throw new UndeliverableError('Somebody else has that name.');
        await deliveries.deliver(id, name, issued);
      });
    assert.deepEqual(await apply(), { changed: true, incomplete: ['Somebody else has that name.'] });
    const names = async () =>
      (await db.pool.query('SELECT name FROM piing.credentials ORDER BY name')).rows.map(({ name }) => name);
    assert.deepEqual(await names(), ['erp']);
    refuse = false;
    assert.deepEqual(await apply(), { changed: true });
    assert.deepEqual(await names(), ['erp', 'pos']);
    assert.equal(deliveries.count, 2);
  });
});
