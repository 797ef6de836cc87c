import assert from 'node:assert/strict';
import type { WatchEvent } from '../../../src/operator/runtime/api-client.ts';
import { ApiError } from '../../../src/operator/runtime/api-error.ts';
import { ObjectCache } from '../../../src/operator/runtime/cache.ts';
import { Reflector } from '../../../src/operator/runtime/reflector.ts';
import type { ListWatch, Page } from '../../../src/operator/runtime/resource-client.ts';
import { silentLogger } from '../../support/logger.ts';
import { object, type TestObject } from './objects.ts';
import { settle, TestClock } from './test-clock.ts';

/** An API server whose every answer the test decides: real ones cannot be told to fail at a given moment. */
class FakeSource implements ListWatch<TestObject> {
  readonly asked: string[] = [];
  pages: Page<TestObject>[] = [{ items: [], resourceVersion: '1' }];
  failLists = 0;
  #watch: { onEvent(event: WatchEvent): void; resolve(): void; reject(error: Error): void } | undefined;

  async list({ next }: { readonly next?: string }): Promise<Page<TestObject>> {
    this.asked.push(next ? `list ${next}` : 'list');
    if (this.failLists > 0) {
      this.failLists -= 1;
      throw new ApiError(503, '', 'away');
    }
    const page = this.pages[next ? Number(next) : 0];
    if (!page) throw new ApiError(410, 'Expired', 'continue is too old');
    return page;
  }

  watch(
    {
      resourceVersion,
      timeoutSeconds,
    }: { readonly resourceVersion: string; readonly timeoutSeconds: number },
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.asked.push(`watch ${resourceVersion}`);
    assert.ok(timeoutSeconds >= 300 && timeoutSeconds <= 600);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve());
    this.#watch = {
      resolve,
      reject,
      onEvent: (event) => {
        try {
          onEvent(event);
        } catch (error) {
          reject(error as Error);
        }
      },
    };
    return promise;
  }

  event(type: string, about: unknown): void {
    this.#watch?.onEvent({ type, object: about });
  }
  end(): void {
    this.#watch?.resolve();
  }
  fail(error: Error): void {
    this.#watch?.reject(error);
  }
}

describe('A reflector', () => {
  let clock: TestClock;
  let source: FakeSource;
  let cache: ObjectCache<TestObject>;
  let reflector: Reflector<TestObject>;
  let stopping: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    clock = new TestClock();
    source = new FakeSource();
    cache = new ObjectCache<TestObject>();
    stopping = new AbortController();
    const options = { name: 'things', source, cache, namespace: undefined, clock, logger: silentLogger };
    reflector = new Reflector({ ...options, random: () => 0.5 });
  });
  afterEach(async () => {
    stopping.abort();
    await running;
  });
  const start = async () => {
    running = reflector.run(stopping.signal);
    await settle();
  };

  it('lists in pages, and then watches from where the list was made', async () => {
    source.pages = [
      { items: [object('a', 5)], resourceVersion: '7', next: '1' },
      { items: [object('b', 6)], resourceVersion: '7' },
    ];
    await start();
    await reflector.synced;
    assert.deepEqual([...cache.keys()], ['default/a', 'default/b']);
    assert.deepEqual(source.asked, ['list', 'list 1', 'watch 7']);
  });

  it('goes on from the last event or bookmark when the server ends the watch', async () => {
    await start();
    source.event('ADDED', object('a', 5));
    source.event('BOOKMARK', { metadata: { resourceVersion: '9' } });
    source.end();
    await settle();
    assert.deepEqual(source.asked, ['list', 'watch 1', 'watch 9']);
    source.event('DELETED', object('a', 10));
    assert.equal(cache.size, 0);
  });

  it('lists again after 410, whether it comes as an answer or as an event', async () => {
    await start();
    source.fail(new ApiError(410, 'Expired', 'too old'));
    await clock.pass(2_000);
    source.event('ERROR', { code: 410, reason: 'Expired', message: 'too old resource version' });
    await clock.pass(3_000);
    assert.deepEqual(source.asked, ['list', 'watch 1', 'list', 'watch 1', 'list', 'watch 1']);
  });

  it('waits longer after each failure, and says what is the matter until it is over', async () => {
    source.failLists = 6;
    await start();
    const waits: (number | undefined)[] = [];
    for (let failure = 0; failure < 6; failure += 1) {
      waits.push(clock.nextMs);
      assert.match(reflector.problem?.message ?? '', /away/);
      await clock.pass(clock.nextMs ?? 0);
    }
    assert.deepEqual(waits, [1_200, 2_400, 4_800, 9_600, 19_200, 30_000]);
    assert.equal(reflector.problem, undefined);
  });

  it('does not ask in a hot loop when the server ends every watch at once', async () => {
    await start();
    for (let round = 0; round < 3; round += 1) {
      source.end();
      await settle();
      assert.ok((clock.nextMs ?? 0) >= 800);
      await clock.pass(clock.nextMs ?? 0);
    }
    assert.deepEqual(source.asked, ['list', 'watch 1', 'watch 1', 'watch 1', 'watch 1']);
  });

  it('keeps no managed fields', async () => {
    const { metadata, ...rest } = object('a', 5);
    source.pages = [
      {
        items: [{ ...rest, metadata: { ...metadata, managedFields: [{}] } } as TestObject],
        resourceVersion: '5',
      },
    ];
    await start();
    assert.deepEqual(cache.get('default/a'), object('a', 5));
  });

  it('ends when it is told to, also while it waits to try again', async () => {
    source.failLists = 100;
    await start();
    stopping.abort();
    await running;
  });
});
