import assert from 'node:assert/strict';
import type { ApiClient, ApiRequest } from '../../../src/operator/runtime/api-client.ts';
import { createEventRecorder, type EventToRecord } from '../../../src/operator/runtime/events.ts';
import { silentLogger } from '../../support/logger.ts';
import { object } from './objects.ts';
import { TestClock } from './test-clock.ts';

const conflict: EventToRecord = {
  type: 'Warning',
  reason: 'Conflict',
  action: 'Apply',
  note: 'The name is taken.',
};

interface Body {
  readonly note?: string;
  readonly metadata?: { readonly name: string };
  readonly series?: { readonly count: number };
}

const bodyOf = (request: ApiRequest | undefined) => (request?.body ?? {}) as Body;

describe('An event recorder', () => {
  function recorder(fail = false) {
    const sent: ApiRequest[] = [];
    const request = async <Answer>(each: ApiRequest) => {
      sent.push(each);
      if (fail) throw new Error('connection refused');
      return {} as Answer;
    };
    const api: ApiClient = { request, watch: async () => undefined };
    const clock = new TestClock();
    const options = { api, controller: 'example.org/things', instance: 'pod-1', clock, logger: silentLogger };
    return { sent, clock, events: createEventRecorder(options) };
  }

  it('creates one event for what repeats, and counts the repetitions in it at most once a minute', async () => {
    const { sent, clock, events } = recorder();
    for (let second = 0; second < 100; second += 1) {
      events.record(object('a', 1), conflict);
      await events.flush();
      clock.jump(1_000);
    }
    assert.deepEqual(
      sent.map(({ method }) => method),
      ['POST', 'PATCH'],
    );
    assert.equal(sent[1]?.path.split('/').at(-1), bodyOf(sent[0]).metadata?.name);
    assert.equal(bodyOf(sent[1]).series?.count, 61);
  });

  it('creates another one for another object, another reason, and after a quiet time', async () => {
    const { sent, clock, events } = recorder();
    events.record(object('a', 1), conflict);
    events.record(object('b', 1), conflict);
    events.record(object('a', 1), { ...conflict, reason: 'Invalid' });
    clock.jump(7 * 60_000);
    events.record(object('a', 1), conflict);
    await events.flush();
    assert.deepEqual(new Set(sent.map(({ method }) => method)), new Set(['POST']));
    assert.equal(sent.length, 4);
  });

  it('keeps within what the API server takes', async () => {
    const { sent, events } = recorder();
    events.record(object('a'.repeat(253), 1), { ...conflict, note: 'x'.repeat(5_000) });
    await events.flush();
    const { note = '', metadata } = bodyOf(sent[0]);
    assert.ok(Buffer.byteLength(note) <= 1_024);
    assert.ok(metadata && metadata.name.length <= 253);
  });

  it('does not fail when the API server does', async () => {
    const { events } = recorder(true);
    events.record(object('a', 1), conflict);
    await events.flush();
  });
});
