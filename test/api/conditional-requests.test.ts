import assert from 'node:assert/strict';
import { rejectReportKey } from '../../src/storage/raw-store.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { csv, schemaType, upload } from './http-client.ts';

describe('Conditional requests', () => {
  let fixture: ApiFixture;
  let token: string;
  let id: string;

  before(async () => {
    fixture = await startApiFixture();
    token = await fixture.tokenOf(await fixture.addClient('acme'));
    const answer = await upload(fixture.api, token, [schemaType(), csv('id\n1\n')]);
    id = String(answer.body.uploadId);
    const { rows } = await query('SELECT object_key FROM piing.uploads WHERE id = $1');
    const writer = fixture.store.create(rejectReportKey((rows[0] as { object_key: string }).object_key));
    await writer.write(Buffer.from('a,_line,_errors\n'));
    await writer.complete();
    await query('UPDATE piing.uploads SET has_report = true, completed_at = now() WHERE id = $1');
  });
  after(() => fixture.close());

  const query = (sql: string) => fixture.database.pool.query(sql, [id]);
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${fixture.api}${path}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
  const paths = () => [
    `/upload/${id}`,
    `/upload/${id}/status`,
    `/upload/${id}/errors`,
    `/upload/${id}/rejects.csv`,
    '/uploads',
    '/schemas',
    '/schemas/orgShifts',
    '/schemas/orgShifts/template.csv',
  ];

  it('get an ETag everywhere, and 304 without a body while nothing has changed', async () => {
    for (const path of paths()) {
      const first = await get(path);
      const etag = first.headers.get('etag') ?? '';
      assert.match(etag, /^"[\w-]+"$/, path);
      assert.equal(first.headers.get('cache-control'), 'private, no-cache');
      await first.arrayBuffer();
      for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await get(path, { 'if-none-match': condition });
        assert.equal(again.status, 304, `${path} ${condition}`);
        assert.equal(await again.text(), '');
        assert.equal(again.headers.get('etag'), etag);
      }
      assert.equal((await get(path, { 'if-none-match': '"other"' })).status, 200);
    }
  });

  it('get the new state when something has changed', async () => {
    const etag = (await get(`/upload/${id}/status`)).headers.get('etag') ?? '';
    await query(`UPDATE piing.uploads SET status = 'PROCESSING' WHERE id = $1`);
    const changed = await get(`/upload/${id}/status`, { 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get('etag'), etag);
  });

  it('get the headers alone by HEAD', async () => {
    for (const path of paths()) {
      const full = await get(path);
      await full.arrayBuffer();
      const head = await get(path, {}, 'HEAD');
      assert.equal(head.status, 200, path);
      assert.equal(await head.text(), '');
      for (const name of ['etag', 'content-type', 'content-disposition'])
        assert.equal(head.headers.get(name), full.headers.get(name), `${path} ${name}`);
      const etag = full.headers.get('etag') ?? '';
      assert.equal((await get(path, { 'if-none-match': etag }, 'HEAD')).status, 304, path);
    }
  });

  it('have no ETag on problems and on tokens, which nobody may keep', async () => {
    const missing = await get('/upload/x');
    assert.equal(missing.status, 404);
    assert.equal(missing.headers.get('etag'), null);
    assert.equal(missing.headers.get('cache-control'), 'no-store');
  });
});
