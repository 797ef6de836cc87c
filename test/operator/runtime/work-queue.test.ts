import assert from 'node:assert/strict';
import { WorkQueue } from '../../../src/operator/runtime/work-queue.ts';
import { TestClock } from './test-clock.ts';

describe('A work queue', () => {
  let clock: TestClock;
  let queue: WorkQueue;
  beforeEach(() => {
    clock = new TestClock();
    queue = new WorkQueue({ clock });
  });

  /** Takes everything that is ready. */
  const drain = async () => {
    const keys: string[] = [];
    while (queue.length > 0) keys.push((await queue.next()) ?? '');
    return keys;
  };

  it('hands keys out in the order of their first addition, each once', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    assert.deepEqual(await drain(), ['a', 'b', 'c']);
  });

  it('gives a key that is added while it is worked on to nobody else, and again afterwards', async () => {
    queue.add('a');
    assert.equal(await queue.next(), 'a');
    queue.add('a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.deepEqual(await drain(), ['a']);
    queue.done('a');
    assert.equal(queue.length, 0);
  });

  it('wakes one waiting worker for one key', async () => {
    const workers = [queue.next(), queue.next()];
    queue.add('a');
    assert.equal(await workers[0], 'a');
    queue.add('b');
    assert.equal(await workers[1], 'b');
  });

  it('adds a key later, at the earliest of the times that were asked for, and once', async () => {
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 300);
    queue.addAfter('a', 2_000);
    await clock.pass(299);
    assert.equal(queue.length, 0);
    await clock.pass(1);
    assert.deepEqual(await drain(), ['a']);
    queue.done('a');
    await clock.pass(5_000);
    assert.equal(queue.length, 0);
  });

  it('waits twice as long after each failure of a key, up to the longest, and forgets after a success', () => {
    const delays = Array.from({ length: 20 }, () => queue.retry('a'));
    assert.deepEqual(delays.slice(0, 5), [5, 10, 20, 40, 80]);
    assert.deepEqual(delays.slice(18), [1_000_000, 1_000_000]);
    assert.equal(queue.retry('b'), 5);
    queue.forget('a');
    assert.equal(queue.retry('a'), 5);
  });

  it('hands out nothing more once it is closed, and wakes those who wait', async () => {
    const waiting = queue.next();
    queue.addAfter('later', 10);
    queue.close();
    queue.add('a');
    await clock.pass(100);
    assert.equal(await waiting, undefined);
    assert.equal(await queue.next(), undefined);
  });
});
