import assert from 'node:assert/strict';
import { defaultHttpLimits } from '../../src/api/limits.ts';
import type { UploadStatus } from '../../src/intake/uploads.ts';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { ask, assertProblem, csv, eventually, schemaType, upload } from './http-client.ts';

interface StatusEvent {
  readonly id: string;
  readonly upload: Readonly<Record<string, unknown>>;
}

/** A stream of server-sent events, read as it comes. */
class EventReader {
  readonly events: StatusEvent[] = [];
  text = '';
  readonly ended: Promise<void>;

  constructor(body: ReadableStream<Uint8Array>) {
    this.ended = this.#read(body).catch(() => undefined);
  }

  get statuses(): unknown[] {
    return this.events.map(({ upload }) => upload.status);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      this.text += decoder.decode(chunk, { stream: true });
      this.events.length = 0;
      for (const [, id = '', data = ''] of this.text.matchAll(/event: status\nid: (.+)\ndata: (.+)\n\n/g))
        this.events.push({ id, upload: JSON.parse(data) as StatusEvent['upload'] });
    }
  }
}

describe('GET /upload/{id}/events', () => {
  let fixture: ApiFixture;
  let token: string;
  let id: string;

  before(async () => {
    fixture = await startApiFixture({
      change: () => ({ limits: defaultHttpLimits({ waitersPerOrganization: 2 }) }),
    });
    token = await fixture.tokenOf(await fixture.addClient('acme'));
  });
  beforeEach(async () => {
    const answer = await upload(fixture.api, token, [schemaType(), csv('id\n1\n')]);
    id = String(answer.body.uploadId);
  });
  after(() => fixture.close());

  const become = (status: UploadStatus) =>
    fixture.database.pool.query('UPDATE piing.uploads SET status = $1 WHERE id = $2', [status, id]);
  const open = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(`${fixture.api}/upload/${id}/events`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(signal && { signal }),
    });
  async function read(headers: Record<string, string> = {}, signal?: AbortSignal): Promise<EventReader> {
    const response = await open(headers, signal);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.ok(response.body);
    return new EventReader(response.body);
  }
  const seen = (reader: EventReader, count: number) =>
    eventually(
      async () => reader.events.length,
      (events) => events >= count,
    );

  it('tells the status now and each change until the final one, which ends the stream', async () => {
    const reader = await read();
    await seen(reader, 1);
    await become('PROCESSING');
    await seen(reader, 2);
    await become('COMPLETED');
    await reader.ended;
    assert.deepEqual(reader.statuses, ['PENDING', 'PROCESSING', 'COMPLETED']);
    assert.match(reader.text, /^retry: \d+\n\n/);
    const { body } = await ask(`${fixture.api}/upload/${id}/status`, { token });
    assert.deepEqual(reader.events[2]?.upload, body);
  });

  it('goes on after the Last-Event-ID, also on another server, and says 204 when that was the end', async () => {
    const leave = new AbortController();
    const first = await read({}, leave.signal);
    await seen(first, 1);
    leave.abort();
    const last = first.events[0]?.id ?? '';
    const other = await startApiFixture({ beside: fixture });
    try {
      const response = await fetch(`${other.api}/upload/${id}/events`, {
        headers: { authorization: `Bearer ${token}`, 'last-event-id': last },
      });
      assert.ok(response.body);
      const reader = new EventReader(response.body);
      await eventually(
        async () => reader.text,
        (text) => text.includes(': still so'),
      );
      await become('FAILED');
      await reader.ended;
      assert.deepEqual(reader.statuses, ['FAILED']);
      assert.equal((await open({ 'last-event-id': reader.events[0]?.id ?? '' })).status, 204);
    } finally {
      await other.close();
    }
  });

  it('tells the whole of a finished upload to a client that has seen nothing of it', async () => {
    await become('COMPLETED');
    const reader = await read();
    await reader.ended;
    assert.deepEqual(reader.statuses, ['COMPLETED']);
  });

  it('shares the places of waiting requests', async () => {
    const leave = new AbortController();
    const readers = [await read({}, leave.signal), await read({}, leave.signal)];
    const third = await ask(`${fixture.api}/upload/${id}/events`, { token });
    assertProblem(third, 429, 'TOO_MANY_WAITERS');
    leave.abort();
    await Promise.all(readers.map(({ ended }) => ended));
    await eventually(
      async () => {
        const response = await open();
        await response.body?.cancel();
        return response.status;
      },
      (status) => status === 200,
    );
  });

  it('ends within a second when the organization is suspended, without another event', async () => {
    const reader = await read();
    await seen(reader, 1);
    await fixture.database.pool.query(`UPDATE piing.organizations SET suspended = true WHERE id = 'acme'`);
    try {
      const started = performance.now();
      await reader.ended;
      assert.ok(performance.now() - started < 1_000, `${performance.now() - started} ms`);
      assert.deepEqual(reader.statuses, ['PENDING']);
    } finally {
      await fixture.database.pool.query(`UPDATE piing.organizations SET suspended = false WHERE id = 'acme'`);
    }
  });

  it('shows signs of life between events, and ends after its time, to be gone on with', async () => {
    const own = await startApiFixture({
      beside: fixture,
      change: () => ({ limits: defaultHttpLimits({ eventsMs: 700, heartbeatMs: 100 }) }),
    });
    try {
      const started = performance.now();
      const response = await fetch(`${own.api}/upload/${id}/events`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.ok(response.body);
      const reader = new EventReader(response.body);
      await reader.ended;
      const ms = performance.now() - started;
      assert.ok(ms >= 690 && ms < 2_500, `${ms} ms`);
      assert.deepEqual(reader.statuses, ['PENDING']);
      const beats = reader.text.split(': still so\n\n').length - 1;
      assert.ok(beats >= 3 && beats <= 8, `${beats} signs of life`);
    } finally {
      await own.close();
    }
  });

  it('ends when the server drains, and answers 404 for what is not the organization’s', async () => {
    const stranger = await fixture.tokenOf(await fixture.addClient('stranger'));
    assertProblem(await ask(`${fixture.api}/upload/${id}/events`, { token: stranger }), 404, 'NOT_FOUND');
    const own = await startApiFixture({ beside: fixture });
    const response = await fetch(`${own.api}/upload/${id}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.ok(response.body);
    const reader = new EventReader(response.body);
    await seen(reader, 1);
    const started = performance.now();
    await own.close();
    await reader.ended;
    assert.ok(performance.now() - started < 2_000);
  });
});
