import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { createTokens } from '../../src/api/tokens.ts';
import type { ClientId, OrganizationId } from '../../src/support/ids.ts';
import { loadSigningKeys, type SigningKeys } from '../../src/tenancy/signing-keys.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';

const client = {
  clientId: 'piing_0123456789abcdef01234567' as ClientId,
  organizationId: 'acme' as OrganizationId,
};
const subject = { clientId: client.clientId, organizationId: client.organizationId };

describe('access tokens', () => {
  let database: TestDatabase;
  let keys: SigningKeys;

  before(async () => {
    database = await migratedDatabase();
    keys = await loadSigningKeys(database.pool);
  });
  after(() => database.close());

  it('are Ed25519 JWTs that name issuer, audience, client, organization and key, and live for an hour', async () => {
    const { token, expiresAt } = await createTokens(keys).issue(client);
    const header = decodeProtectedHeader(token);
    const claims = decodeJwt(token);
    assert.equal(header.alg, 'EdDSA');
    assert.equal(header.kid, (await keys.current()).id);
    assert.equal(claims.iss, 'piing-gateway');
    assert.equal(claims.aud, 'piing-api');
    assert.equal(claims.sub, client.clientId);
    assert.equal(claims.org, client.organizationId);
    assert.equal(claims.exp, (claims.iat ?? 0) + 3600);
    assert.equal(expiresAt.getTime(), (claims.exp ?? 0) * 1_000);
  });

  it('tell whom they were issued to until they expire', async () => {
    let now = Date.now();
    const tokens = createTokens(keys, () => now);
    const { token } = await tokens.issue(client);
    assert.deepEqual(await tokens.verify(token), subject);
    now += 3_599_000;
    assert.deepEqual(await tokens.verify(token), subject);
    now += 2_000;
    assert.equal(await tokens.verify(token), undefined);
  });

  it('are good on every pod, as all of them share the keys', async () => {
    const { token } = await createTokens(keys).issue(client);
    const otherPod = createTokens(await loadSigningKeys(database.pool));
    assert.deepEqual(await otherPod.verify(token), subject);
  });

  it('are refused when they were changed, unsigned, signed by another key or for another audience', async () => {
    const tokens = createTokens(keys);
    const { token } = await tokens.issue(client);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const { id, privateKey, publicKey } = await keys.current();
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const sign = (audience: string, issuer = 'piing-gateway') =>
      new SignJWT({ org: 'acme' })
        .setProtectedHeader({ alg: 'EdDSA', kid: id })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(client.clientId)
        .setIssuedAt()
        .setExpirationTime('1h');
    const hmacHead = `${encode({ alg: 'HS256', kid: id })}.${payload}`;
    const hmacKey = publicKey.export({ type: 'spki', format: 'pem' });
    const forged = {
      'another client in the claims': `${header}.${encode({ ...decodeJwt(token), sub: 'piing_other' })}.${signature}`,
      'no signature': `${header}.${payload}.`,
      'algorithm none': `${encode({ alg: 'none', kid: id })}.${payload}.`,
      'HMAC with the public key': `${hmacHead}.${createHmac('sha256', hmacKey).update(hmacHead).digest('base64url')}`,
      'a key of a stranger': await sign('piing-api').sign(stranger),
      'another audience': await sign('another-api').sign(privateKey),
      'another issuer': await sign('piing-api', 'another-issuer').sign(privateKey),
      'no token at all': 'x.y.z',
      nothing: '',
    };
    for (const [what, bad] of Object.entries(forged)) assert.equal(await tokens.verify(bad), undefined, what);
    assert.deepEqual(await tokens.verify(await sign('piing-api').sign(privateKey)), subject);
  });
});

describe('signing keys', () => {
  const DAY = 24 * 60 * 60_000;
  let database: TestDatabase;

  beforeEach(async () => {
    database = await migratedDatabase();
  });
  afterEach(() => database.close());

  const stored = async () =>
    (
      await database.pool.query<{ kid: string }>(
        'SELECT kid FROM piing.signing_keys ORDER BY created_at DESC',
      )
    ).rows;

  it('are made once, even when several pods start at the same time', async () => {
    const pods = await Promise.all(Array.from({ length: 6 }, () => loadSigningKeys(database.pool)));
    const ids = await Promise.all(pods.map(async (keys) => (await keys.current()).id));
    assert.equal(new Set(ids).size, 1);
    assert.equal((await stored()).length, 1);
  });

  it('sign for 30 days; then a new one takes over and the old one still verifies for an hour', async () => {
    const start = Date.now();
    let now = start;
    const keys = await loadSigningKeys(database.pool, () => now);
    const first = await keys.current();
    now = start + 30 * DAY - 1_000;
    assert.equal((await keys.current()).id, first.id);
    now = start + 30 * DAY + 1_000;
    const second = await keys.current();
    assert.notEqual(second.id, first.id);
    assert.equal((await keys.find(first.id))?.id, first.id);
    now = start + 30 * DAY + 61 * 60_000;
    assert.equal(await keys.find(first.id), undefined);
    assert.equal((await keys.find(second.id))?.id, second.id);
  });

  it('are read again also when the clock was set back meanwhile', async () => {
    let now = Date.now() + 60 * 60_000;
    const keys = await loadSigningKeys(database.pool, () => now);
    await keys.current();
    now -= 60 * 60_000;
    const other = await loadSigningKeys(database.pool, () => now + 31 * DAY);
    const { id } = await other.current();
    assert.equal((await keys.find(id))?.id, id);
  });

  it('leave the database when their last tokens have long expired', async () => {
    let now = Date.now();
    const keys = await loadSigningKeys(database.pool, () => now);
    const first = await keys.current();
    now += 32 * DAY;
    const second = await keys.current();
    assert.deepEqual(
      (await stored()).map(({ kid }) => kid),
      [second.id],
      `${first.id} should be gone`,
    );
  });

  it('of another pod are found at once, but made-up ids cost at most one query every 5 seconds', async () => {
    let queries = 0;
    let now = Date.now();
    const counting = new Proxy(database.pool, {
      get: (pool, name) => {
        if (name === 'query') queries += 1;
        const value: unknown = Reflect.get(pool, name);
        return typeof value === 'function' ? value.bind(pool) : value;
      },
    });
    const keys = await loadSigningKeys(counting, () => now);
    now += 6_000;
    const other = await loadSigningKeys(database.pool, () => now + 31 * DAY);
    const { id } = await other.current();
    queries = 0;
    assert.equal((await keys.find(id))?.id, id);
    assert.equal(queries, 1);
    for (let count = 0; count < 50; count += 1) assert.equal(await keys.find(`made-up-${count}`), undefined);
    assert.equal(queries, 1);
    now += 5_000;
    await keys.find('made-up');
    assert.equal(queries, 2);
  });
});
