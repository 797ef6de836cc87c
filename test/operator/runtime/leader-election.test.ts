import assert from 'node:assert/strict';
import { ApiError } from '../../../src/operator/runtime/api-error.ts';
import {
  LeaderElection,
  type Lease,
  type LeaseSpec,
  type LeaseStore,
} from '../../../src/operator/runtime/leader-election.ts';
import { silentLogger } from '../../support/logger.ts';
import { TestClock } from './test-clock.ts';

/** A Lease with the API server's rule for writes, which can be made unreachable. */
class FakeLease implements LeaseStore {
  lease: Lease | undefined;
  away = false;
  #version = 0;

  async get(): Promise<Lease> {
    this.#reach();
    if (!this.lease) throw new ApiError(404, 'NotFound', 'no such Lease');
    return this.lease;
  }
  async create(spec: LeaseSpec): Promise<Lease> {
    this.#reach();
    if (this.lease) throw new ApiError(409, 'AlreadyExists', 'there is one');
    return this.#write(spec);
  }
  async replace(lease: Lease, spec: LeaseSpec): Promise<Lease> {
    this.#reach();
    if (lease.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
      throw new ApiError(409, 'Conflict', 'the object has been modified');
    return this.#write(spec);
  }
  #reach(): void {
    if (this.away) throw new Error('connection refused');
  }
  #write(spec: LeaseSpec): Lease {
    this.#version += 1;
    const metadata = { name: 'x', namespace: 'y', uid: 'z', resourceVersion: String(this.#version) };
    this.lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    return this.lease;
  }
}

describe('Leader election', () => {
  let clock: TestClock;
  let store: FakeLease;
  const stopping: AbortController[] = [];
  beforeEach(() => {
    clock = new TestClock();
    store = new FakeLease();
  });
  afterEach(() => {
    for (const controller of stopping.splice(0)) controller.abort();
  });

  function candidate(identity: string, own: LeaseStore = store) {
    const election = new LeaderElection({ store: own, identity, clock, logger: silentLogger });
    const controller = new AbortController();
    stopping.push(controller);
    const state = { led: false, ended: undefined as string | undefined };
    void election.acquire(controller.signal).then(async (led) => {
      state.led = led;
      if (led) state.ended = await election.hold(controller.signal);
    });
    return { election, state, stop: () => controller.abort() };
  }

  it('makes the first candidate the leader, and keeps it while it renews', async () => {
    const first = candidate('first');
    await clock.pass(100);
    const second = candidate('second');
    await clock.pass(120_000);
    assert.deepEqual([first.election.isLeader, second.election.isLeader], [true, false]);
    assert.equal(store.lease?.spec?.holderIdentity, 'first');
    assert.equal(store.lease?.spec?.leaseTransitions, 0);
  });

  it('gives the lead to another 15 s after the leader was last heard, and not earlier', async () => {
    const first = candidate('first');
    await clock.pass(10_000);
    const second = candidate('second');
    await clock.pass(4_000);
    first.stop();
    await clock.pass(12_000);
    assert.equal(second.election.isLeader, false);
    await clock.pass(6_000);
    assert.equal(second.election.isLeader, true);
    assert.equal(store.lease?.spec?.leaseTransitions, 1);
  });

  it('ends the lead of one that cannot renew for 10 s, before another may have it', async () => {
    const flaky = new FakeLease();
    const reach = {
      get: () => reachable(() => store.get()),
      create: (spec: LeaseSpec) => reachable(() => store.create(spec)),
      replace: (lease: Lease, spec: LeaseSpec) => reachable(() => store.replace(lease, spec)),
    };
    function reachable<Result>(run: () => Promise<Result>): Promise<Result> {
      return flaky.away ? Promise.reject(new Error('connection refused')) : run();
    }
    const first = candidate('first', reach);
    await clock.pass(4_100);
    const second = candidate('second');
    await clock.pass(1_900);
    flaky.away = true;
    let both = 0;
    for (let step = 0; step < 300; step += 1) {
      await clock.pass(100);
      if (first.election.isLeader && second.election.isLeader) both += 1;
    }
    assert.equal(both, 0);
    assert.equal(first.state.ended, 'lost');
    assert.equal(second.election.isLeader, true);
  });

  it('ends at once in a process that was stopped for a while, before any of its timers has run', async () => {
    const first = candidate('first');
    await clock.pass(100);
    assert.equal(first.election.isLeader, true);
    clock.jump(11_000);
    assert.equal(first.election.isLeader, false);
  });

  it('loses the lead at once when another has it', async () => {
    const first = candidate('first');
    await clock.pass(100);
    await store.replace(store.lease as Lease, { holderIdentity: 'intruder', leaseDurationSeconds: 15 });
    await clock.pass(2_100);
    assert.equal(first.state.ended, 'lost');
    assert.equal(first.election.isLeader, false);
  });

  it('lets another lead at once after a release', async () => {
    const first = candidate('first');
    await clock.pass(100);
    const second = candidate('second');
    first.stop();
    await first.election.release();
    assert.equal(first.election.isLeader, false);
    await clock.pass(2_500);
    assert.equal(second.election.isLeader, true);
  });

  it('goes on when a write crossed another one', async () => {
    const first = candidate('first');
    await clock.pass(100);
    const { get } = store;
    let crossed = false;
    store.get = async () => {
      const lease = await get.call(store);
      if (!crossed) await store.replace(lease, lease.spec ?? {});
      crossed = true;
      return lease;
    };
    await clock.pass(10_000);
    assert.ok(crossed);
    assert.equal(first.election.isLeader, true);
  });
});
