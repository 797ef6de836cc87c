import assert from 'node:assert/strict';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { type Answer, ask, assertProblem } from './http-client.ts';

const FORM = 'application/x-www-form-urlencoded';

describe('POST /auth/token', () => {
  let fixture: ApiFixture;
  let client: TestClient;

  before(async () => {
    fixture = await startApiFixture();
    client = await fixture.addClient('acme');
  });
  after(() => fixture.close());

  const post = (body: string | undefined, headers: Record<string, string>) =>
    ask(`${fixture.api}/auth/token`, { method: 'POST', headers, ...(body !== undefined && { body }) });
  const json = (value: unknown) => post(JSON.stringify(value), { 'content-type': 'application/json' });
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });
  const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

  async function assertToken(answer: Answer): Promise<void> {
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.token_type, 'Bearer');
    assert.equal(answer.body.expires_in, 3600);
    const left = Date.parse(String(answer.body.expires_at)) - Date.now();
    assert.ok(left > 3_590_000 && left <= 3_600_000, `${left} ms left`);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('pragma'), 'no-cache');
    const subject = await fixture.tokens.verify(String(answer.body.access_token));
    assert.deepEqual(subject, { clientId: client.clientId, organizationId: 'acme' });
  }

  it('gives a token for JSON with client_id and client_secret, as the tenants’ page has it', async () => {
    await assertToken(await json({ client_id: client.clientId, client_secret: client.clientSecret }));
  });

  it('gives a token for the OAuth 2 form', async () => {
    const fields = { client_id: client.clientId, client_secret: client.clientSecret };
    await assertToken(
      await post(form({ grant_type: 'client_credentials', ...fields }), { 'content-type': FORM }),
    );
    await assertToken(await post(form(fields), { 'content-type': FORM }));
  });

  it('gives a token for HTTP Basic, with and without a form', async () => {
    const { authorization } = basic(client.clientId, client.clientSecret);
    await assertToken(await post(undefined, { authorization }));
    await assertToken(
      await post(form({ grant_type: 'client_credentials' }), { authorization, 'content-type': FORM }),
    );
  });

  it('takes the percent-encoding that OAuth libraries put into Basic', async () => {
    const encoded = client.clientSecret.replace('_', '%5F');
    await assertToken(await post(undefined, basic(client.clientId, encoded)));
  });

  it('answers an unknown id, a wrong secret and every withdrawn credential alike, in the same time', async () => {
    const revoked = await fixture.addClient('revoked');
    const expired = await fixture.addClient('expired');
    const suspended = await fixture.addClient('suspended');
    const elsewhere = await fixture.addClient('elsewhere');
    const { pool } = fixture.database;
    await pool.query(`UPDATE piing.credentials SET revoked_at = now() WHERE organization_id = 'revoked'`);
    await pool.query(`UPDATE piing.credentials SET expires_at = now() WHERE organization_id = 'expired'`);
    await pool.query(`UPDATE piing.organizations SET suspended = true WHERE id = 'suspended'`);
    await pool.query(
      `UPDATE piing.organizations SET allowed_source_ranges = '{192.0.2.0/24}' WHERE id = 'elsewhere'`,
    );
    const attempts = [
      { client_id: 'piing_nobody', client_secret: client.clientSecret },
      { client_id: client.clientId, client_secret: 'piing_sk_wrong' },
      { client_id: client.clientId, client_secret: `${client.clientSecret} ` },
      { client_id: `${client.clientId}\0`, client_secret: client.clientSecret },
      ...[revoked, expired, suspended, elsewhere].map(({ clientId, clientSecret }) => ({
        client_id: clientId,
        client_secret: clientSecret,
      })),
    ];
    const answers = await Promise.all(
      attempts.map(async (attempt) => {
        const started = performance.now();
        const answer = await json(attempt);
        return { answer, ms: performance.now() - started };
      }),
    );
    for (const { answer, ms } of answers) {
      assertProblem(answer, 401, 'INVALID_CLIENT');
      assert.equal(answer.body.error, 'invalid_client');
      assert.deepEqual(answer.body, answers[0]?.answer.body);
      assert.deepEqual([...answer.headers.keys()], [...(answers[0]?.answer.headers.keys() ?? [])]);
      assert.ok(ms >= 295 && ms < 900, `denied after ${ms} ms`);
    }
  });

  it('challenges a client that tried Basic, and only that one', async () => {
    const tried = await post(undefined, basic(client.clientId, 'wrong'));
    assertProblem(tried, 401, 'INVALID_CLIENT');
    assert.match(tried.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    const undecodable = await post(undefined, { authorization: 'Basic !!!' });
    assertProblem(undecodable, 401, 'INVALID_CLIENT');
    const wrongBody = await json({ client_id: client.clientId, client_secret: 'wrong' });
    assert.equal(wrongBody.headers.get('www-authenticate'), null);
  });

  it('refuses other grant types with unsupported_grant_type', async () => {
    const fields = { grant_type: 'password', client_id: client.clientId, client_secret: client.clientSecret };
    const answer = await post(form(fields), { 'content-type': FORM });
    assertProblem(answer, 400, 'UNSUPPORTED_GRANT_TYPE');
    assert.equal(answer.body.error, 'unsupported_grant_type');
  });

  it('says invalid_request for a missing member, a wrong type, two secrets, broken JSON and no body', async () => {
    const both = basic(client.clientId, client.clientSecret);
    const answers = [
      await json({ client_id: client.clientId }),
      await json({ client_id: client.clientId, client_secret: 7 }),
      await json([client.clientId, client.clientSecret]),
      await json(null),
      await post('{"client_id":', { 'content-type': 'application/json' }),
      await post('', { 'content-type': 'application/json' }),
      await post(undefined, {}),
      await post(JSON.stringify({ client_id: 'x', client_secret: 'y' }), { 'content-type': FORM }),
      await post(form({ client_secret: 'x' }), { ...both, 'content-type': FORM }),
      await post(form({ client_id: 'another' }), { ...both, 'content-type': FORM }),
    ];
    for (const answer of answers) {
      assertProblem(answer, 400, 'INVALID_REQUEST');
      assert.equal(answer.body.error, 'invalid_request');
    }
  });

  it('does not read bodies of more than 16 KiB or of other types', async () => {
    assertProblem(
      await json({ client_id: 'x'.repeat(20_000), client_secret: 'x' }),
      413,
      'REQUEST_TOO_LARGE',
    );
    assertProblem(await post('hello', { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('counts what became of the attempts', async () => {
    const { values } = await fixture.metrics.logins.get();
    const count = (result: string) =>
      values.find(({ labels }) => labels.source === 'http' && labels.result === result)?.value ?? 0;
    assert.ok(count('accepted') >= 6);
    assert.ok(count('denied') >= 10);
    assert.equal(count('error'), 0);
  });
});

describe('POST /auth/token without a database', () => {
  it('answers 503 with Retry-After and counts an error, not a denial', async () => {
    const down = async () => {
      throw new Error('connect ECONNREFUSED 10.0.0.7:5432');
    };
    const fixture = await startApiFixture({ change: () => ({ authenticate: down }) });
    try {
      const answer = await ask(`${fixture.api}/auth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: 'piing_x', client_secret: 'y' }),
      });
      assertProblem(answer, 503, 'SERVICE_UNAVAILABLE');
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.doesNotMatch(JSON.stringify(answer.body), /10\.0\.0\.7/);
      const { values } = await fixture.metrics.logins.get();
      const count = (result: string) =>
        values.find(({ labels }) => labels.source === 'http' && labels.result === result);
      assert.equal(count('error')?.value, 1);
      assert.equal(count('denied')?.value, 0);
    } finally {
      await fixture.close();
    }
  });
});
