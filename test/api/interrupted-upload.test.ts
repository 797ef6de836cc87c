import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingUpload } from '../../src/intake/incoming-upload.ts';
import type { Intake } from '../../src/intake/intake.ts';
import { type ApiFixture, startApiFixture, type TestClient } from './api-fixture.ts';
import { beginning, CLOSING, csv, eventually, multipart, RawUpload, schemaType } from './http-client.ts';

const MIB = 1024 * 1024;

interface UploadRow {
  readonly status: string;
  readonly object_key: string;
  readonly code: string | null;
}

/** The start of a body whose file has not ended. */
const begun = (content: string | Uint8Array = 'id,amount\n1,10\n') => beginning([schemaType(), csv(content)]);

describe('an upload that does not reach its end', () => {
  let fixture: ApiFixture;
  let client: TestClient;
  let token: string;
  /** What the intake is made to wait for before it takes the next bytes, or their end. */
  let gate: Promise<void> = Promise.resolve();
  let unhandled = 0;
  const countUnhandled = () => {
    unhandled += 1;
  };

  beforeEach(async () => {
    process.on('unhandledRejection', countUnhandled);
    gate = Promise.resolve();
    fixture = await startApiFixture({ change: ({ intake }) => ({ intake: slowed(intake) }) });
    client = await fixture.addClient('acme');
    token = await fixture.tokenOf(client);
  });
  afterEach(async () => {
    await fixture.close();
    process.removeListener('unhandledRejection', countUnhandled);
    assert.equal(unhandled, 0);
  });

  function slowed(intake: Intake): Intake {
    const begin: Intake['begin'] = async (request) => {
      const incoming: IncomingUpload = await intake.begin(request);
      const write = incoming.write.bind(incoming);
      incoming.write = async (chunk) => {
        await gate;
        await write(chunk);
      };
      const seal = incoming.seal.bind(incoming);
      incoming.seal = async () => {
        await gate;
        await seal();
      };
      return incoming;
    };
    return { begin };
  }

  const latest = async () => {
    const { rows } = await fixture.database.pool.query<UploadRow>(
      `SELECT u.status, u.object_key, e.code FROM piing.uploads u
         LEFT JOIN piing.upload_errors e ON e.upload_id = u.id ORDER BY u.id DESC LIMIT 1`,
    );
    return rows[0];
  };
  const untilStatus = (status: string) => eventually(latest, (row) => row?.status === status);

  async function assertAbandoned(code: string): Promise<void> {
    const row = await untilStatus('ABANDONED');
    assert.equal(row?.code, code);
    await assert.rejects(fixture.store.read(row?.object_key ?? ''), { code: 'OBJECT_NOT_FOUND' });
    assert.equal((await fixture.jobs()).length, 0);
    const { values } = await fixture.metrics.uploadsInProgress.get();
    assert.equal(values.find(({ labels }) => labels.source === 'http')?.value, 0);
  }

  it('is RECEIVING while its bytes come, and ABANDONED without an object when the client goes away', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun(randomBytes(600_000)));
    await untilStatus('RECEIVING');
    raw.socket.resetAndDestroy();
    await assertAbandoned('INCOMPLETE_FILE');
  });

  it('is abandoned when the client half-closes, or ends the body before the closing boundary', async () => {
    const half = new RawUpload(fixture.server.url, token);
    await half.send(begun());
    await untilStatus('RECEIVING');
    half.socket.end();
    await assertAbandoned('INCOMPLETE_FILE');
    half.socket.destroy();
    const short = new RawUpload(fixture.server.url, token);
    await short.send(begun());
    await short.send('');
    assert.match(await short.answer(), /^HTTP\/1\.1 400 .*MALFORMED_MULTIPART/s);
    await assertAbandoned('INCOMPLETE_FILE');
    short.socket.destroy();
  });

  it('is not acknowledged when only the closing boundary is missing', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(multipart([schemaType(), csv('id\n1\n')], false));
    await raw.send('');
    assert.match(await raw.answer(), /^HTTP\/1\.1 400 /);
    await assertAbandoned('INCOMPLETE_FILE');
    raw.socket.destroy();
  });

  it('leaves nothing when the client goes away before, while and after the file is admitted', async () => {
    for (const piece of ['', multipart([schemaType()], false), begun('')]) {
      const raw = new RawUpload(fixture.server.url, token);
      if (piece.length > 0) await raw.send(piece);
      raw.socket.resetAndDestroy();
      await raw.closed();
    }
    await eventually(
      async () =>
        (await fixture.database.pool.query(`SELECT FROM piing.uploads WHERE status = 'RECEIVING'`)).rowCount,
      (count) => count === 0,
    );
    assert.equal((await fixture.jobs()).length, 0);
  });

  it('that goes away while the store is slow is abandoned as soon as the store has taken its bytes', async () => {
    const slow = Promise.withResolvers<void>();
    gate = slow.promise;
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun(randomBytes(2 * MIB)));
    await untilStatus('RECEIVING');
    raw.socket.resetAndDestroy();
    await raw.closed();
    slow.resolve();
    await assertAbandoned('INCOMPLETE_FILE');
  });

  it('that was sent completely is abandoned when the client is gone before the acknowledgement', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun());
    await eventually(
      async () => (await fixture.metrics.receivedBytes.get()).values,
      (values) => values.some(({ labels, value }) => labels.source === 'http' && value > 0),
    );
    const slow = Promise.withResolvers<void>();
    gate = slow.promise;
    await raw.send(CLOSING);
    await raw.send('');
    await new Promise((resolve) => setTimeout(resolve, 50));
    raw.socket.resetAndDestroy();
    await raw.closed();
    await new Promise((resolve) => setTimeout(resolve, 50));
    slow.resolve();
    await assertAbandoned('INCOMPLETE_FILE');
  });

  it('waits without memory of its own: a slow store makes the client wait', async () => {
    const slow = Promise.withResolvers<void>();
    gate = slow.promise;
    const piece = Buffer.alloc(64 * 1024, 'a');
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun('id\n'));
    await untilStatus('RECEIVING');
    const before = process.memoryUsage().arrayBuffers;
    // One buffer sent again and again: what grows is what the server keeps.
    for (let count = 0; count < 160; count += 1) {
      raw.socket.write('10000\r\n');
      raw.socket.write(piece);
      raw.socket.write('\r\n');
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    const growth = process.memoryUsage().arrayBuffers - before;
    assert.ok(growth < 2 * MIB, `${growth} bytes more`);
    slow.resolve();
    await raw.send(CLOSING);
    await raw.send('');
    assert.match(await raw.answer(), /^HTTP\/1\.1 202 .*"sizeBytes":10485763,/s);
    raw.socket.destroy();
  });

  it('does not get through when the credential is revoked while it is being sent', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun());
    await untilStatus('RECEIVING');
    await fixture.database.pool.query('UPDATE piing.credentials SET revoked_at = now()');
    await raw.send(CLOSING);
    await raw.send('');
    assert.match(await raw.answer(), /^HTTP\/1\.1 401 .*ACCESS_REVOKED/s);
    await assertAbandoned('ACCESS_REVOKED');
    raw.socket.destroy();
  });

  it('does not get through when its schema type is disabled while it is being sent', async () => {
    const raw = new RawUpload(fixture.server.url, token);
    await raw.send(begun());
    await untilStatus('RECEIVING');
    await fixture.database.pool.query(
      `DELETE FROM piing.schema_enablements WHERE schema_type = 'orgTransactions'`,
    );
    await raw.send(CLOSING);
    await raw.send('');
    assert.match(await raw.answer(), /^HTTP\/1\.1 403 .*SCHEMA_NOT_ENABLED/s);
    await assertAbandoned('SCHEMA_NOT_ENABLED');
    raw.socket.destroy();
  });

  describe('because the server stops', () => {
    it('is waited for, and acknowledged, while there is time', async () => {
      const raw = new RawUpload(fixture.server.url, token);
      await raw.send(begun('id\n1\n'));
      await untilStatus('RECEIVING');
      const closed = fixture.server.close(5_000);
      await assert.rejects(fetch(`${fixture.api}/uploads`), 'new connections are refused');
      await raw.send(CLOSING);
      await raw.send('');
      assert.match(await raw.answer(), /^HTTP\/1\.1 202 /);
      await closed;
      assert.equal((await fixture.jobs()).length, 1);
    });

    it('is abandoned with 503 and Retry-After when the time is over', async () => {
      const raw = new RawUpload(fixture.server.url, token);
      await raw.send(begun());
      await untilStatus('RECEIVING');
      const started = Date.now();
      const closed = fixture.server.close(200);
      assert.match(await raw.answer(), /^HTTP\/1\.1 503 .*retry-after: \d+.*DRAINING/s);
      await closed;
      assert.ok(Date.now() - started < 3_000);
      await assertAbandoned('DRAINING');
    });

    it('is refused with 503 when it begins after that, on a connection that was already open', async () => {
      const late = new RawUpload(fixture.server.url, token, { holdHead: true });
      // Until the server has seen the beginning of the headers, the connection counts as idle and is closed.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const closed = fixture.server.close(5_000);
      late.endHead();
      await late.send(begun());
      await late.send(CLOSING);
      await late.send('');
      assert.match(await late.answer(), /^HTTP\/1\.1 503 .*retry-after: \d+.*DRAINING/s);
      await closed;
      assert.equal((await fixture.jobs()).length, 0);
    });

    it('does not have to wait for connections on which nothing happens', async () => {
      await (await fetch(`${fixture.api}/uploads`)).text();
      const started = Date.now();
      await fixture.server.close(10_000);
      assert.ok(Date.now() - started < 5_000);
    });
  });
});
