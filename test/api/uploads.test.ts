import assert from 'node:assert/strict';
import { rejectReportKey } from '../../src/storage/raw-store.ts';
import { newUploadId } from '../../src/support/ids.ts';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { ask, assertProblem, csv, type Part, schemaType, upload } from './http-client.ts';

const NO_TIMINGS = { receivingMs: 0, waitingMs: null, processingMs: null, totalMs: null };

describe('what became of uploads', () => {
  let fixture: ApiFixture;
  let client: TestClient;
  let token: string;
  let otherToken: string;

  before(async () => {
    fixture = await startApiFixture();
    client = await fixture.addClient('acme');
    token = await fixture.tokenOf(client);
    otherToken = await fixture.tokenOf(await fixture.addClient('globex'));
  });
  after(() => fixture.close());

  const get = (path: string, as = token) => ask(`${fixture.api}${path}`, { token: as });
  const query = (sql: string, values: unknown[] = []) => fixture.database.pool.query(sql, values);

  async function receive(part: Part = csv('id\n1\n'), type = 'orgTransactions', as = token): Promise<string> {
    const answer = await upload(fixture.api, as, [schemaType(type), part]);
    assert.equal(answer.status, 202);
    return String(answer.body.uploadId);
  }

  /** Plays the worker: 13 rows, 12 of them rejected. */
  async function finish(id: string): Promise<void> {
    await query(
      `UPDATE piing.uploads SET status = 'PARTIALLY_COMPLETED', started_at = now(), completed_at = now(), rows_total = 13,
              rows_loaded = 1, rows_unchanged = 0, rows_rejected = 12, warnings = $2 WHERE id = $1`,
      [id, JSON.stringify([{ code: 'UNKNOWN_COLUMN', message: 'The column note is not loaded.' }])],
    );
    await query(
      `INSERT INTO piing.upload_errors (upload_id, ordinal, line, column_name, code, message, value)
       SELECT $1, n, n + 2, 'amount', 'INVALID_NUMBER', 'Not a number.', 'x' || n FROM generate_series(0, 11) n`,
      [id],
    );
  }

  describe('GET /upload/{id}/status and GET /upload/{id}', () => {
    it('show what is known, with nulls for what is not known yet', async () => {
      const id = await receive();
      const { status, body } = await get(`/upload/${id}/status`);
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body), [
        'uploadId',
        'status',
        'schemaType',
        'fileName',
        'source',
        'sizeBytes',
        'sha256',
        'receivedAt',
        'startedAt',
        'completedAt',
        'rows',
        'errors',
        'warnings',
        'retryable',
        'duplicateOf',
      ]);
      assert.deepEqual([body.status, body.rows, body.startedAt, body.errors], ['PENDING', null, null, []]);
      assert.deepEqual((await get(`/upload/${id.toUpperCase()}/status`)).body, body);
    });

    it('show the time that each stage took and where to go on, under the one address of the upload', async () => {
      const id = await receive();
      const { body: early } = await get(`/upload/${id}`);
      const { timings, links, ...upload } = early;
      assert.deepEqual(upload, (await get(`/upload/${id}/status`)).body);
      assert.deepEqual({ ...(timings as object), receivingMs: 0 }, NO_TIMINGS);
      const self = `/api/external/upload/${id}`;
      assert.deepEqual(links, {
        self,
        status: `${self}/status`,
        events: `${self}/events`,
        errors: `${self}/errors`,
        schema: '/api/external/schemas/orgTransactions',
      });
      await query(
        `UPDATE piing.uploads SET status = 'COMPLETED', created_at = received_at - interval '2 seconds',
                started_at = received_at + interval '3 seconds', completed_at = received_at + interval '7 seconds',
                has_report = true WHERE id = $1`,
        [id],
      );
      const { body: late } = await get(`/upload/${id}`);
      assert.deepEqual(late.timings, {
        receivingMs: 2_000,
        waitingMs: 3_000,
        processingMs: 4_000,
        totalMs: 9_000,
      });
      assert.equal((late.links as Record<string, string>).rejects, `${self}/rejects.csv`);
      for (const link of Object.values(links as Record<string, string>).filter(
        (path) => !path.endsWith('events'),
      ))
        assert.equal((await ask(`${fixture.server.url}${link}`, { token })).status, 200, link);
    });

    it('are found under /uploads/{id} as well, with the one address in a Link header', async () => {
      const id = await receive();
      for (const path of ['', '/status', '/errors']) {
        const alias = await get(`/uploads/${id}${path}?`);
        assert.deepEqual(alias.body, (await get(`/upload/${id}${path}`)).body);
        assert.equal(alias.headers.get('link'), `</api/external/upload/${id}${path}>; rel="canonical"`);
      }
      assertProblem(await get(`/uploads/${id}`, otherToken), 404, 'NOT_FOUND');
      assertProblem(await ask(`${fixture.api}/uploads/${id}`), 401, 'MISSING_TOKEN');
    });

    it('show the row counts, the first ten errors and the warnings of a processed upload', async () => {
      const id = await receive();
      await finish(id);
      const { body } = await get(`/upload/${id}/status`);
      assert.equal(body.status, 'PARTIALLY_COMPLETED');
      assert.deepEqual(body.rows, { total: 13, loaded: 1, unchanged: 0, rejected: 12 });
      const errors = body.errors as unknown[];
      assert.equal(errors.length, 10);
      assert.deepEqual(errors[0], {
        line: 2,
        column: 'amount',
        code: 'INVALID_NUMBER',
        message: 'Not a number.',
        value: 'x0',
      });
      assert.deepEqual(body.warnings, [
        { code: 'UNKNOWN_COLUMN', message: 'The column note is not loaded.' },
      ]);
    });

    it('show SFTP uploads as well', async () => {
      const id = await receive();
      await query(`UPDATE piing.uploads SET source = 'sftp' WHERE id = $1`, [id]);
      assert.equal((await get(`/upload/${id}/status`)).body.source, 'sftp');
    });

    it('answer 404 alike for other tenants’ uploads, unknown ids and what is no id', async () => {
      const id = await receive();
      for (const path of [
        `/upload/${id}`,
        `/upload/${id}/status`,
        `/upload/${id}/errors`,
        `/upload/${id}/rejects.csv`,
      ]) {
        assertProblem(await get(path, otherToken), 404, 'NOT_FOUND');
      }
      const foreign = await get(`/upload/${id}/status`, otherToken);
      for (const other of [newUploadId(), 'x', '%00', `${id}'--`, '1'.repeat(99), 'a'.repeat(3000)]) {
        const answer = await get(`/upload/${other}/status`);
        assertProblem(answer, 404, 'NOT_FOUND');
        if (other.length < 99) assert.equal(answer.body.detail, foreign.body.detail);
      }
    });
  });

  describe('GET /upload/{id}/errors', () => {
    it('pages through all stored errors in the file’s order', async () => {
      const id = await receive();
      await finish(id);
      const first = await get(`/upload/${id}/errors?limit=5`);
      const second = await get(`/upload/${id}/errors?limit=5&offset=${first.body.nextOffset}`);
      const third = await get(`/upload/${id}/errors?limit=5&offset=${second.body.nextOffset}`);
      const lines = [first, second, third].flatMap(({ body }) =>
        (body.errors as { line: number }[]).map((e) => e.line),
      );
      assert.deepEqual(lines, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
      assert.equal(third.body.nextOffset, null);
      assert.deepEqual((await get(`/upload/${await receive()}/errors`)).body, {
        errors: [],
        nextOffset: null,
      });
    });

    it('refuses limits and offsets that are none', async () => {
      const id = await receive();
      for (const bad of [
        'limit=0',
        'limit=1001',
        'limit=x',
        'offset=-1',
        'ofset=1',
        'limit=1&limit=2',
        'limit=',
      ])
        assertProblem(await get(`/upload/${id}/errors?${bad}`), 400, 'INVALID_PARAMETER');
    });
  });

  describe('GET /upload/{id}/rejects.csv', () => {
    const download = (id: string) =>
      fetch(`${fixture.api}/upload/${id}/rejects.csv`, { headers: { authorization: `Bearer ${token}` } });

    it('streams the report as a download that no browser runs', async () => {
      const id = await receive(csv('id\n1\n', 'ventes févr (1).csv'));
      const { rows } = await query('SELECT object_key FROM piing.uploads WHERE id = $1', [id]);
      const writer = fixture.store.create(rejectReportKey((rows[0] as { object_key: string }).object_key));
      await writer.write(Buffer.from('line,column,message\r\n2,amount,Not a number.\r\n'));
      await writer.complete();
      await query('UPDATE piing.uploads SET has_report = true WHERE id = $1', [id]);
      const response = await download(id);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), 'line,column,message\r\n2,amount,Not a number.\r\n');
      assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8');
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      const disposition = response.headers.get('content-disposition') ?? '';
      assert.match(
        disposition,
        /^attachment; filename="[ -~]+\.rejects\.csv"; filename\*=UTF-8''ventes%20f%C3%A9vr%20%281%29\.rejects\.csv$/,
      );
    });

    it('answers 404 when there is none, also when the store has lost it', async () => {
      const id = await receive();
      assertProblem(await get(`/upload/${id}/rejects.csv`), 404, 'NOT_FOUND');
      await query('UPDATE piing.uploads SET has_report = true WHERE id = $1', [id]);
      assertProblem(await get(`/upload/${id}/rejects.csv`), 404, 'NOT_FOUND');
    });
  });
});
