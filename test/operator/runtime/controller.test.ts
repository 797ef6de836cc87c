import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { type Outcome, runController, TerminalError } from '../../../src/operator/runtime/controller.ts';
import { createRuntimeMetrics } from '../../../src/operator/runtime/metrics.ts';
import { WorkQueue } from '../../../src/operator/runtime/work-queue.ts';
import { silentLogger } from '../../support/logger.ts';
import { settle, TestClock } from './test-clock.ts';

describe('A controller', () => {
  let clock: TestClock;
  let queue: WorkQueue;
  let registry: Registry;
  let running: Promise<void>;
  let leading = true;

  beforeEach(() => {
    clock = new TestClock();
    registry = new Registry();
    leading = true;
  });
  afterEach(async () => {
    queue.close();
    await running;
  });

  function start(reconcile: (key: string) => Promise<Outcome>, workers = 2): void {
    const metrics = createRuntimeMetrics(registry);
    queue = new WorkQueue({ clock, observer: metrics.queue('thing') });
    const observer = metrics.controller('thing', workers);
    const mayWork = () => leading;
    running = runController({
      name: 'thing',
      queue,
      reconcile,
      workers,
      clock,
      logger: silentLogger,
      observer,
      mayWork,
    });
  }

  it('never works on one key twice at a time, and on as many keys as it has workers', async () => {
    const working: string[] = [];
    const seen: string[] = [];
    start(async (key) => {
      assert.ok(!working.includes(key), `${key} is being worked on already`);
      working.push(key);
      seen.push([...working].join());
      if (seen.length < 10) queue.add(key);
      await settle();
      working.splice(working.indexOf(key), 1);
      return {};
    });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    assert.ok(seen.length >= 10, `${seen.length} runs`);
    assert.ok(seen.includes('a,b'));
    assert.ok(seen.every((keys) => keys.split(',').length <= 2));
  });

  it('tries again what failed, later each time, and as the first time after a success', async () => {
    const times: number[] = [];
    start(async () => {
      times.push(clock.monotonic());
      if (times.length === 4) return {};
      throw new Error('not yet');
    });
    queue.add('a');
    await clock.pass(10_000);
    assert.deepEqual(times, [0, 5, 15, 35]);
    queue.add('a');
    await clock.pass(5);
    assert.deepEqual(times.slice(4), [10_000, 10_005]);
  });

  it('comes back when it was asked to', async () => {
    const times: number[] = [];
    start(async () => {
      times.push(clock.monotonic());
      return { requeueAfterMs: 60_000 };
    });
    queue.add('a');
    await clock.pass(130_000);
    assert.deepEqual(times, [0, 60_000, 120_000]);
  });

  it('gives up on a terminal error until the object changes', async () => {
    let runs = 0;
    start(async () => {
      runs += 1;
      throw new TerminalError('hopeless');
    });
    queue.add('a');
    await clock.pass(3_600_000);
    assert.equal(runs, 1);
    queue.add('a');
    await settle();
    assert.equal(runs, 2);
    assert.match(
      await registry.metrics(),
      /^controller_runtime_terminal_reconcile_errors_total\{controller="thing"\} 2$/m,
    );
  });

  it('takes no key once it may not work any more', async () => {
    const keys: string[] = [];
    start(async (key) => {
      keys.push(key);
      return {};
    });
    queue.add('a');
    await settle();
    leading = false;
    queue.add('b');
    await settle();
    assert.deepEqual(keys, ['a']);
  });
});
