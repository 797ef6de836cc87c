import assert from 'node:assert/strict';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { ask, assertProblem, csv, schemaType, upload } from './http-client.ts';

interface Page {
  readonly uploads: readonly Record<string, unknown>[];
  readonly nextCursor: string | null;
}

describe('GET /uploads', () => {
  let fixture: ApiFixture;
  let token: string;

  const get = (path: string) => ask(`${fixture.api}${path}`, { token });
  const query = (sql: string) => fixture.database.pool.query(sql);
  const receive = async (fileName: string, type = 'orgTransactions', as = token) => {
    const answer = await upload(fixture.api, as, [schemaType(type), csv('id\n1\n', fileName)]);
    assert.equal(answer.status, 202);
  };
  const list = async (parameters = '') => {
    const answer = await get(`/uploads${parameters}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body as unknown as Page;
  };

  before(async () => {
    fixture = await startApiFixture();
    token = await fixture.tokenOf(await fixture.addClient('acme'));
    const otherToken = await fixture.tokenOf(await fixture.addClient('globex'));
    await receive('theirs.csv', 'orgTransactions', otherToken);
    for (let count = 0; count < 7; count += 1) {
      await receive(`day-${count}.csv`, count < 4 ? 'orgTransactions' : 'orgShifts');
    }
  });
  after(() => fixture.close());

  it('lists the organization’s own uploads, newest first', async () => {
    const { uploads, nextCursor } = await list();
    assert.deepEqual(
      uploads.map(({ fileName }) => fileName),
      [6, 5, 4, 3, 2, 1, 0].map((day) => `day-${day}.csv`),
    );
    assert.equal(nextCursor, null);
  });

  it('pages with a cursor, and pages stay the same while uploads are added', async () => {
    const names: unknown[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: Page = await list(`?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      names.push(...page.uploads.map(({ fileName }) => fileName));
      cursor = page.nextCursor;
      pages += 1;
      if (pages === 1) await receive('late.csv');
    } while (cursor);
    assert.equal(pages, 3);
    assert.deepEqual(
      names,
      [6, 5, 4, 3, 2, 1, 0].map((day) => `day-${day}.csv`),
    );
    await query(`DELETE FROM piing.uploads WHERE file_name = 'late.csv'`);
  });

  it('finds by schema type, status and file name', async () => {
    assert.equal((await list('?schemaType=orgShifts')).uploads.length, 3);
    assert.equal((await list('?fileName=day-2.csv')).uploads.length, 1);
    assert.equal((await list('?fileName=nothing.csv')).uploads.length, 0);
    await query(
      `UPDATE piing.uploads SET status = 'FAILED' WHERE organization_id = 'acme' AND file_name = 'day-1.csv'`,
    );
    const failed = await list('?status=FAILED');
    assert.deepEqual(
      failed.uploads.map(({ fileName }) => fileName),
      ['day-1.csv'],
    );
  });

  it('finds by the way that a file came, and by a part of its name', async () => {
    await query(`UPDATE piing.uploads SET source = 'sftp' WHERE file_name = 'day-5.csv'`);
    assert.deepEqual(
      (await list('?source=sftp')).uploads.map(({ fileName }) => fileName),
      ['day-5.csv'],
    );
    assert.equal((await list('?source=http')).uploads.length, 6);
    assert.equal((await list('?fileName=day-*')).uploads.length, 7);
    assert.equal((await list('?fileName=*-3.csv')).uploads.length, 1);
    assert.equal((await list('?fileName=*')).uploads.length, 7);
    assert.equal((await list('?fileName=*AY-3*')).uploads.length, 1, 'people do not remember the case');
    // Nothing but the asterisk is special.
    for (const plain of ['day_*', '%25*', 'day-%5C*', 'day-_.csv'])
      assert.equal((await list(`?fileName=${plain}`)).uploads.length, 0, plain);
    assert.equal((await list('?fileName=day-*&source=http&schemaType=orgShifts&limit=1')).uploads.length, 1);
  });

  it('tells the next page in a Link header too, with the same filters', async () => {
    const first = await get('/uploads?limit=3&schemaType=orgTransactions');
    const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
    assert.match(next, /^\/api\/external\/uploads\?limit=3&schemaType=orgTransactions&cursor=/);
    const second = await ask(`${fixture.server.url}${next}`, { token });
    assert.equal((second.body as unknown as Page).uploads.length, 1);
    assert.equal(second.headers.get('link'), null);
  });

  it('has cursors that tell nothing, and takes no other', async () => {
    const { nextCursor, uploads } = await list('?limit=1');
    assert.ok(nextCursor && !nextCursor.includes(String(uploads[0]?.uploadId)));
    for (const cursor of [uploads[0]?.uploadId, nextCursor.slice(1), `${nextCursor}x`, '0'])
      assertProblem(await get(`/uploads?cursor=${cursor}`), 400, 'INVALID_PARAMETER');
  });

  it('finds by the time when an upload began', async () => {
    const { rows } = await query(
      `SELECT id, created_at FROM piing.uploads WHERE organization_id = 'acme' ORDER BY id`,
    );
    const began = (index: number) => (rows[index] as { created_at: Date }).created_at.toISOString();
    const recent = await list(`?since=${began(4)}`);
    assert.equal(recent.uploads.length, 3);
    assert.equal(recent.nextCursor, null);
    assert.equal((await list(`?since=${began(4)}&limit=2`)).uploads.length, 2);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    assert.equal((await list(`?until=${tomorrow}&since=${yesterday}`)).uploads.length, 7);
    assert.equal((await list(`?until=${yesterday}`)).uploads.length, 0);
  });

  it('refuses parameters that are none', async () => {
    const bad = [
      'limit=0',
      'limit=101',
      'limit=ten',
      'filename=a.csv',
      'source=ftp',
      'status=DONE',
      'cursor=abc',
      'since=yesterday',
      'until=2026-13-01',
      'fileName=a&fileName=b',
      'fileName=%00',
      `schemaType=${'x'.repeat(300)}`,
    ];
    for (const parameter of bad) assertProblem(await get(`/uploads?${parameter}`), 400, 'INVALID_PARAMETER');
  });
});
