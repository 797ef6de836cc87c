import assert from 'node:assert/strict';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import { credential, Deliveries, organization } from '../tenancy/fixture.ts';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { ask, assertProblem, csv, schemaType, upload } from './http-client.ts';

const PROTECTED = [
  '/uploads',
  '/schemas',
  '/upload/x',
  '/upload/x/status',
  '/schemas/orgShifts/template.csv',
];

describe('access to the API', () => {
  let fixture: ApiFixture;
  let client: TestClient;
  let token: string;
  let organizations = 0;

  before(async () => {
    fixture = await startApiFixture();
  });
  beforeEach(async () => {
    organizations += 1;
    client = await fixture.addClient(`acme-${organizations}`);
    token = await fixture.tokenOf(client);
  });
  after(() => fixture.close());

  const list = (init: Parameters<typeof ask>[1] = { token }) => ask(`${fixture.api}/uploads`, init);
  const update = (sql: string) => fixture.database.pool.query(sql, [client.organizationId]);

  it('needs a token on every route but the one that gives tokens', async () => {
    for (const path of PROTECTED) {
      const answer = await ask(`${fixture.api}${path}`);
      assertProblem(answer, 401, 'MISSING_TOKEN');
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="piing"');
    }
    const answer = await ask(`${fixture.api}/upload`, { method: 'POST', body: new FormData() });
    assertProblem(answer, 401, 'MISSING_TOKEN');
  });

  it('refuses what is no token of ours, and says so in WWW-Authenticate', async () => {
    for (const bad of ['x', 'a.b.c', `${token}x`, token.slice(0, -4)]) {
      const answer = await list({ token: bad });
      assertProblem(answer, 401, 'INVALID_TOKEN');
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
    }
  });

  it('does not take client_id and client_secret where a token is asked for', async () => {
    const basic = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64');
    assertProblem(await list({ headers: { authorization: `Basic ${basic}` } }), 401, 'MISSING_TOKEN');
  });

  it('ends with the next request when the credential is revoked or expires', async () => {
    assert.equal((await list()).status, 200);
    await update('UPDATE piing.credentials SET revoked_at = now() WHERE organization_id = $1');
    assertProblem(await list(), 401, 'INVALID_TOKEN');
    assertProblem(await upload(fixture.api, token, [schemaType(), csv('id\n1\n')]), 401, 'INVALID_TOKEN');
    await update(
      'UPDATE piing.credentials SET revoked_at = NULL, expires_at = now() WHERE organization_id = $1',
    );
    assertProblem(await list(), 401, 'INVALID_TOKEN');
  });

  it('ends on every pod at once when the operator revokes the credential, though the token has not expired', async () => {
    const { pool } = fixture.database;
    const name = `revoked-${organizations}`;
    const deliveries = new Deliveries();
    await applyOrganization(pool, organization(name), deliveries.deliver);
    const theirs = await fixture.tokenOf({ organizationId: name, ...deliveries.last(`${name}/pos`) });
    const otherPod = await startApiFixture({ beside: fixture });
    try {
      const answers = () =>
        Promise.all([fixture, otherPod].map(({ api }) => ask(`${api}/uploads`, { token: theirs })));
      for (const { status } of await answers()) assert.equal(status, 200);
      const spec = { credentials: [credential('pos', { revoked: true })] };
      await applyOrganization(pool, organization(name, spec), deliveries.deliver);
      const revoked = performance.now();
      for (const answer of await answers()) assertProblem(answer, 401, 'INVALID_TOKEN');
      assert.ok(performance.now() - revoked < 1_000);
    } finally {
      await otherPod.close();
    }
  });

  it('ends when the organization is suspended, and comes back with it', async () => {
    await update('UPDATE piing.organizations SET suspended = true WHERE id = $1');
    assertProblem(await list(), 401, 'INVALID_TOKEN');
    await update('UPDATE piing.organizations SET suspended = false WHERE id = $1');
    assert.equal((await list()).status, 200);
  });

  it('is only for the organization’s source ranges', async () => {
    await update(`UPDATE piing.organizations SET allowed_source_ranges = '{192.0.2.0/24}' WHERE id = $1`);
    assertProblem(await list(), 401, 'INVALID_TOKEN');
    const forwarded = await list({ token, headers: { 'x-forwarded-for': '192.0.2.7' } });
    assertProblem(forwarded, 401, 'INVALID_TOKEN');
  });

  it('follows a schema type that is enabled or disabled', async () => {
    await update(
      `DELETE FROM piing.schema_enablements WHERE organization_id = $1 AND schema_type = 'orgTransactions'`,
    );
    assertProblem(
      await upload(fixture.api, token, [schemaType(), csv('id\n1\n')]),
      403,
      'SCHEMA_NOT_ENABLED',
    );
  });
});

describe('access behind a proxy', () => {
  it('believes X-Forwarded-For of a trusted proxy, and only the address that this proxy added', async () => {
    const fixture = await startApiFixture({ change: () => ({ trustedProxies: ['127.0.0.1'] }) });
    try {
      const client = await fixture.addClient('acme');
      const token = await fixture.tokenOf(client);
      await fixture.database.pool.query(
        `UPDATE piing.organizations SET allowed_source_ranges = '{192.0.2.0/24}'`,
      );
      const from = (address: string) =>
        ask(`${fixture.api}/uploads`, { token, headers: { 'x-forwarded-for': address } });
      assert.equal((await from('192.0.2.7')).status, 200);
      assert.equal((await from('192.0.2.7')).headers.get('strict-transport-security'), null);
      const overTls = await ask(`${fixture.api}/uploads`, {
        token,
        headers: { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' },
      });
      assert.match(overTls.headers.get('strict-transport-security') ?? '', /^max-age=\d{8}$/);
      assertProblem(await from('198.51.100.7'), 401, 'INVALID_TOKEN');
      assertProblem(await from('192.0.2.7, 198.51.100.7'), 401, 'INVALID_TOKEN');
    } finally {
      await fixture.close();
    }
  });
});

describe('the API without its database', () => {
  it('answers 503 with Retry-After, tells nothing of the inside, and works again when it is back', async () => {
    let down = false;
    const fixture = await startApiFixture({
      change: ({ currentAccess }) => ({
        currentAccess: async (client) => {
          if (down) throw new Error('connect ECONNREFUSED 10.0.0.7:5432');
          return currentAccess(client);
        },
      }),
    });
    try {
      const token = await fixture.tokenOf(await fixture.addClient('acme'));
      down = true;
      const answer = await ask(`${fixture.api}/uploads`, { token });
      assertProblem(answer, 503, 'SERVICE_UNAVAILABLE');
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.doesNotMatch(JSON.stringify(answer.body), /10\.0\.0\.7/);
      down = false;
      assert.equal((await ask(`${fixture.api}/uploads`, { token })).status, 200);
    } finally {
      await fixture.close();
    }
  });
});
