import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { buildPage } from '../../tools/build-page.mjs';
import { temporaryDirectory } from '../support/servers.ts';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { type Answer, assertProblem, BOUNDARY, csv, multipart, schemaType } from './http-client.ts';

/** What the page's own script sends with every request, in a browser of today. */
const FROM_PAGE = { 'x-piing-page': '1', 'sec-fetch-site': 'same-origin' };

/** Sends a request as the page would. What belongs to the page alone is not in the API's description. */
async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const body = (await response.json()) as Answer['body'];
  return { status: response.status, headers: response.headers, body };
}

describe('The uploads page, over HTTP', () => {
  let fixture: ApiFixture;
  let client: TestClient;

  before(async () => {
    const pageDirectory = await buildPage();
    fixture = await startApiFixture({ change: () => ({ pageDirectory, trustedProxies: ['127.0.0.1'] }) });
    client = await fixture.addClient('page-shop');
  });
  after(() => fixture.close());

  const at = (path: string) => `${fixture.server.url}${path}`;

  const signIn = (headers: Record<string, string> = FROM_PAGE, { clientId, clientSecret } = client) =>
    ask(at('/session'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ client_id: clientId, client_secret: clientSecret }),
    });

  async function cookieOf(who: TestClient = client): Promise<string> {
    const { status, headers } = await signIn(FROM_PAGE, who);
    assert.equal(status, 200);
    return headers.getSetCookie()[0]?.split(';')[0] ?? '';
  }

  describe('its files', () => {
    it('are the page itself, asked for anew each time and answered 304 while it is the same', async () => {
      const page = await fetch(at('/'));
      assert.equal(page.status, 200);
      assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
      assert.equal(page.headers.get('cache-control'), 'no-cache');
      const tag = page.headers.get('etag') ?? '';
      assert.equal((await askExactly('/', { 'if-none-match': tag })).status, 304);
    });

    it('are scripts and styles whose names change with their content, kept for a year and sent compressed', async () => {
      const page = await (await fetch(at('/'))).text();
      const names = [...page.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => name ?? '');
      assert.deepEqual(names.map((name) => name.replace(/-[A-Z0-9]{8}\./, '.')).sort(), [
        '/assets/icon.svg',
        '/assets/page.css',
        '/assets/page.js',
      ]);
      for (const name of names) {
        const asset = await fetch(at(name), { headers: { 'accept-encoding': 'gzip, deflate, br' } });
        assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable', name);
        assert.equal(asset.headers.get('x-content-type-options'), 'nosniff');
        if (!name.endsWith('.svg')) assert.equal(asset.headers.get('content-encoding'), 'br', name);
        assert.ok((await asset.bytes()).length > 100);
      }
    });

    it('run nothing inline and nothing from elsewhere, and are not framed', async () => {
      const { headers } = await fetch(at('/'));
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|\*|https?:/);
      const page = await (await fetch(at('/'))).text();
      assert.doesNotMatch(page, /<style|style=|<script(?![^>]*src=)|\son\w+=|https?:\/\//);
    });

    it('end at the directory: nothing beside it is served', async () => {
      for (const path of [
        '/assets/../index.html',
        '/assets/%2e%2e/sources.sha256',
        '/sources.sha256',
        '/assets/',
      ])
        assertProblem(await askExactly(path), 404, 'NOT_FOUND');
    });

    it('may be missing: the API works without its page', async () => {
      const pageDirectory = await temporaryDirectory('no-page');
      const without = await startApiFixture({ change: () => ({ pageDirectory }) });
      try {
        assertProblem(await ask(`${without.server.url}/`), 404, 'NOT_FOUND');
        assert.ok(await without.tokenOf(await without.addClient('no-page-shop')));
      } finally {
        await without.close();
      }
    });
  });

  describe('its session', () => {
    it('is a cookie that scripts cannot read and other sites cannot send, for an hour', async () => {
      const { status, headers, body } = await signIn();
      assert.equal(status, 200);
      assert.deepEqual(body, { session: { organizationId: 'page-shop', credentialName: 'till' } });
      const [cookie, ...others] = headers.getSetCookie();
      assert.equal(others.length, 0);
      assert.match(cookie ?? '', /^piing_session=[^;]+; Max-Age=3600; Path=\/; HttpOnly; SameSite=Strict$/);
    });

    it('is Secure and bound to its host on HTTPS, also behind a proxy that does not say so', async () => {
      const behindTrusted = await signIn({ ...FROM_PAGE, 'x-forwarded-proto': 'https' });
      const behindOther = await signIn({ ...FROM_PAGE, origin: 'https://uploads.example.com' });
      for (const { headers } of [behindTrusted, behindOther])
        assert.match(
          headers.getSetCookie()[0] ?? '',
          /^__Host-piing_session=.*; HttpOnly; Secure; SameSite=Strict$/,
        );
    });

    it('does not take over a cookie that plain HTTP has planted once HTTPS is used', async () => {
      const cookie = await cookieOf();
      const answer = await ask(at('/session'), {
        headers: { ...FROM_PAGE, cookie, 'x-forwarded-proto': 'https' },
      });
      assert.deepEqual(answer.body, { session: null });
    });

    it('is refused like a token for a wrong secret, and there is no cookie', async () => {
      const answer = await signIn(FROM_PAGE, { ...client, clientSecret: 'piing_sk_wrong' });
      assertProblem(answer, 401, 'INVALID_CLIENT');
      assert.deepEqual(answer.headers.getSetCookie(), []);
    });

    it('tells who is signed in, and nobody without a cookie or with a made-up one', async () => {
      const ofCookie = async (cookie: string) =>
        (await ask(at('/session'), { headers: { ...FROM_PAGE, cookie } })).body.session;
      assert.deepEqual(await ofCookie(await cookieOf()), {
        organizationId: 'page-shop',
        credentialName: 'till',
      });
      assert.equal(await ofCookie(''), null);
      assert.equal(await ofCookie('piing_session=ey.made.up'), null);
    });

    it('opens the API as its token does: lists, and takes a file', async () => {
      const cookie = await cookieOf();
      const list = await ask(`${fixture.api}/uploads`, { headers: { ...FROM_PAGE, cookie } });
      assert.equal(list.status, 200);
      const sent = await ask(`${fixture.api}/upload`, {
        method: 'POST',
        headers: { ...FROM_PAGE, cookie, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
        body: multipart([schemaType(), csv('transaction_id\nT-1\n')]),
      });
      assert.equal(sent.status, 202);
    });

    it('ends when the credential is revoked, as tokens do', async () => {
      const shortLived = await fixture.addClient('page-shop-2');
      const cookie = await cookieOf(shortLived);
      const { pool } = fixture.database;
      await pool.query('UPDATE piing.credentials SET revoked_at = now() WHERE client_id = $1', [
        shortLived.clientId,
      ]);
      const headers = { ...FROM_PAGE, cookie };
      assertProblem(await ask(`${fixture.api}/uploads`, { headers }), 401, 'INVALID_TOKEN');
      assert.deepEqual((await ask(at('/session'), { headers })).body, { session: null });
    });

    it('signs out by deleting the cookie under both of its names', async () => {
      const answer = await fetch(at('/session'), {
        method: 'DELETE',
        headers: { ...FROM_PAGE, cookie: await cookieOf() },
      });
      assert.equal(answer.status, 204);
      const gone = answer.headers.getSetCookie();
      assert.deepEqual(gone.map((cookie) => cookie.split('=')[0]).sort(), [
        '__Host-piing_session',
        'piing_session',
      ]);
      for (const cookie of gone) assert.match(cookie, /Expires=Thu, 01 Jan 1970/);
    });
  });

  describe('a request of another site', () => {
    const FORGED: readonly (readonly [string, Record<string, string>])[] = [
      ["without the page's header, as a form or a link sends it", { 'sec-fetch-site': 'same-origin' }],
      ['from another site', { 'x-piing-page': '1', 'sec-fetch-site': 'cross-site' }],
      ['from a neighbour under the same domain', { 'x-piing-page': '1', 'sec-fetch-site': 'same-site' }],
      [
        'of an older browser that tells the origin alone',
        { 'x-piing-page': '1', origin: 'https://evil.example' },
      ],
      ['from a sandboxed frame', { 'x-piing-page': '1', origin: 'null' }],
    ];

    for (const [what, headers] of FORGED) {
      it(`${what} gets nothing for the cookie, neither read nor written`, async () => {
        const cookie = await cookieOf();
        const jobs = (await fixture.jobs()).length;
        assertProblem(
          await ask(`${fixture.api}/uploads`, { headers: { ...headers, cookie } }),
          403,
          'CROSS_SITE_REQUEST',
        );
        const sent = await ask(`${fixture.api}/upload`, {
          method: 'POST',
          headers: { ...headers, cookie, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
          body: multipart([schemaType(), csv('transaction_id\nT-1\n')]),
        });
        assertProblem(sent, 403, 'CROSS_SITE_REQUEST');
        assert.equal((await fixture.jobs()).length, jobs);
        for (const method of ['GET', 'DELETE']) {
          const answer = await ask(at('/session'), { method, headers: { ...headers, cookie } });
          assertProblem(answer, 403, 'CROSS_SITE_REQUEST');
        }
      });

      it(`${what} cannot sign anybody in`, async () => {
        const answer = await signIn(headers);
        assertProblem(answer, 403, 'CROSS_SITE_REQUEST');
        assert.deepEqual(answer.headers.getSetCookie(), []);
      });
    }

    it('cannot ask beforehand either: there is no CORS', async () => {
      const answer = await fetch(`${fixture.api}/uploads`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://evil.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'x-piing-page',
        },
      });
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
    });
  });

  it('takes the origin of its own address where the browser says no more', async () => {
    const headers = { 'x-piing-page': '1', origin: new URL(fixture.server.url).origin };
    assert.equal((await signIn(headers)).status, 200);
  });

  it('leaves bearer tokens as they were, whatever cookie comes along', async () => {
    const list = `${fixture.api}/uploads`;
    const cookie = await cookieOf();
    const token = await fixture.tokenOf(client);
    assert.equal((await ask(list, { headers: { cookie, authorization: `Bearer ${token}` } })).status, 200);
    assertProblem(
      await ask(list, { headers: { ...FROM_PAGE, cookie, authorization: 'Bearer wrong' } }),
      401,
      'INVALID_TOKEN',
    );
    assertProblem(await ask(list), 401, 'MISSING_TOKEN');
  });

  it('signs nobody in by a form, which needs no preflight', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain']) {
      const answer = await ask(at('/session'), {
        method: 'POST',
        headers: { ...FROM_PAGE, 'content-type': type },
        body: `client_id=${client.clientId}&client_secret=${client.clientSecret}`,
      });
      assertProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
  });

  /** The path and the headers as they stand: fetch would resolve dots, and ask caches not to answer. */
  function askExactly(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const { hostname, port } = new URL(fixture.server.url);
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, path, headers }, async (response) => {
        const body = await text(response);
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(response.headers as Record<string, string>),
          body: body === '' ? {} : JSON.parse(body),
        });
      });
      sent.once('error', reject).end();
    });
  }
});
