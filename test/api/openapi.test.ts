import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { PROBLEM_CODES, PROBLEMS } from '../../src/api/problem-catalogue.ts';
import { problemCatalogueMarkdown } from '../../src/api/problem-pages.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { ask, assertProblem } from './http-client.ts';
import { assertDescribed, type OpenApi, openApiOf } from './openapi-check.ts';

/** What a page may load: nothing but what this server itself serves. */
function assertKeepsToItself(policy: string): void {
  assert.match(policy, /default-src 'none'/);
  for (const directive of policy.split(';').filter((text) => text.trim() !== '')) {
    const [, ...sources] = directive.trim().split(/\s+/);
    for (const source of sources) assert.match(source, /^('self'|'none'|'unsafe-inline'|data:)$/, directive);
  }
}

describe('What describes the API', () => {
  let fixture: ApiFixture;
  let api: OpenApi;

  before(async () => {
    fixture = await startApiFixture();
    api = await openApiOf(fixture.server.url);
  });
  after(() => fixture.close());

  const get = (path: string) => fetch(`${fixture.server.url}${path}`);
  const operations = () =>
    Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  describe('GET /openapi.json', () => {
    it('is OpenAPI 3.1 and has every route, each with its parameters and every answer', () => {
      assert.equal(api.openapi, '3.1.0');
      assert.deepEqual(
        operations()
          .map(({ path, method }) => `${method} ${path}`)
          .sort(),
        [
          'get /.well-known/jwks.json',
          'get /api/external/schemas',
          'get /api/external/schemas/{type}',
          'get /api/external/schemas/{type}/template.csv',
          'get /api/external/upload/{id}',
          'get /api/external/upload/{id}/errors',
          'get /api/external/upload/{id}/events',
          'get /api/external/upload/{id}/rejects.csv',
          'get /api/external/upload/{id}/status',
          'get /api/external/uploads',
          'post /api/external/auth/token',
          'post /api/external/upload',
        ],
      );
      const ids = operations().map(({ operation }) => operation.operationId);
      assert.equal(new Set(ids).size, ids.length);
      for (const { path, method, operation } of operations()) {
        const where = `${method} ${path}`;
        for (const name of path.matchAll(/\{(\w+)\}/g))
          assert.ok(
            operation.parameters?.some((parameter) => parameter.name === name[1]),
            where,
          );
        for (const status of ['400', '429', '500', '503'])
          assert.ok(operation.responses[status], `${where} ${status}`);
        const isOpen = /token|jwks/.test(path);
        assert.equal(operation.security?.length, isOpen ? 0 : 2, where);
        assert.equal(operation.responses['401'] !== undefined, path !== '/.well-known/jwks.json', where);
        assert.equal(operation.requestBody !== undefined, method === 'post', where);
      }
    });

    it('has no reference that leads nowhere', () => {
      const references = [...JSON.stringify(api).matchAll(/"\$ref":"([^"]+)"/g)].map(
        ([, reference]) => reference,
      );
      assert.ok(references.length > 50);
      for (const reference of new Set(references)) {
        const [, name = ''] = /^#\/components\/schemas\/(\w+)$/.exec(reference ?? '') ?? [];
        assert.ok(api.components.schemas[name], reference);
      }
    });

    it('is what the answers of all these tests are held against, so that an answer that differs fails', async () => {
      const url = `${fixture.api}/uploads`;
      const type = 'application/json; charset=utf-8';
      const page = { uploads: [], nextCursor: null };
      await assertDescribed(url, 'GET', { status: 200, type, body: page });
      const wrong = [
        { status: 200, type, body: { ...page, more: 1 } },
        { status: 200, type, body: { uploads: [{}], nextCursor: null } },
        { status: 200, type: 'text/html', body: page },
        { status: 418, type, body: page },
      ];
      for (const answer of wrong) await assert.rejects(assertDescribed(url, 'GET', answer), /described|must/);
    });
  });

  describe('GET /docs', () => {
    it('is a page of which every part comes from this server, under a policy that allows no other', async () => {
      const page = await get('/docs');
      assert.equal(page.status, 200);
      assertKeepsToItself(page.headers.get('content-security-policy') ?? '');
      const html = await page.text();
      const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '');
      assert.ok(parts.length >= 5);
      for (const part of parts) {
        assert.match(part, /^\/docs\/static\/[\w.-]+$/);
        const answer = await get(part);
        assert.equal(answer.status, 200, part);
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        assertKeepsToItself(answer.headers.get('content-security-policy') ?? '');
      }
      assert.doesNotMatch(html.replaceAll(/<!--.*-->/g, ''), /https?:|<script>|onload=/);
      assert.deepEqual(await (await get('/docs/json')).json(), api);
    });

    it('does not ask anybody else whether the document is valid', async () => {
      const script = await (await get('/docs/static/swagger-initializer.js')).text();
      assert.match(script, /validatorUrl: null/);
    });
  });

  describe('GET /problems', () => {
    it('leads to a page about every problem, which is what the type of a problem names', async () => {
      const index = await (await get('/problems')).text();
      for (const code of PROBLEM_CODES) {
        assert.ok(index.includes(`href="/problems/${code}"`), code);
        const page = await get(`/problems/${code}`);
        assert.equal(page.status, 200);
        assertKeepsToItself(page.headers.get('content-security-policy') ?? '');
        const html = await page.text();
        assert.ok(html.includes(String(PROBLEMS[code].status)) && html.includes(PROBLEMS[code].title), code);
      }
      const problem = await ask(`${fixture.api}/uploads`);
      assertProblem(problem, 401, 'MISSING_TOKEN');
      assert.equal((await get(String(problem.body.type))).status, 200);
      assertProblem(await ask(`${fixture.server.url}/problems/NOTHING`), 404, 'NOT_FOUND');
      assertProblem(await ask(`${fixture.server.url}/problems/toString`), 404, 'NOT_FOUND');
    });

    it('is the same catalogue as docs/api/errors.md; npm run docs:errors writes it', async () => {
      assert.equal(await readFile('docs/api/errors.md', 'utf8'), problemCatalogueMarkdown());
    });
  });

  it('has the public keys of the tokens, and no private one', async () => {
    const { keys } = (await (await get('/.well-known/jwks.json')).json()) as {
      keys: Record<string, unknown>[];
    };
    assert.equal(keys.length, 1);
    assert.deepEqual(Object.keys(keys[0] ?? {}), ['kid', 'kty', 'crv', 'x', 'alg', 'use']);
    const token = await fixture.tokenOf(await fixture.addClient('acme'));
    const header = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString());
    assert.equal(header.kid, keys[0]?.kid);
  });
});
