import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlPlane, testControlPlane } from '../support/control-plane.ts';
import { type LeftAlone, leftAlone } from './left-alone.ts';

const MINUTE = 60_000;
/** Verbs that the API server knows of resources. */
const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

describe('An operator that is left alone', function () {
  this.timeout(2 * MINUTE);
  let plane: ControlPlane;
  let quiet: LeftAlone;
  before(async function () {
    this.timeout(30 * MINUTE);
    plane = await testControlPlane();
    quiet = await leftAlone();
  });

  it('writes nothing in a minute, however often it compares', async () => {
    await sleep(Math.max(0, quiet.since + MINUTE - Date.now()));
    const writes = (await quiet.requests()).filter(
      ({ verb, resource, receivedAt }) =>
        WRITES.includes(verb) && resource !== 'leases' && receivedAt > quiet.since,
    );
    assert.deepEqual(writes, []);
    const compared = await quiet.comparisons();
    assert.ok(compared >= 12, `${compared} comparisons`);
  });

  it('is refused nothing that it asks for with its Role, nor was any other one so far', async () => {
    // A watch is in the log once it has ended.
    await quiet.operator.close();
    const kinds = new Set(
      (await quiet.requests()).map(
        ({ verb, resource, subresource }) => `${verb} ${resource}/${subresource ?? ''}`,
      ),
    );
    for (const wanted of [
      'create secrets/',
      'patch organizations/status',
      'update leases/',
      'watch secrets/',
    ])
      assert.ok(kinds.has(wanted), `${wanted} was never asked for`);
    const refused = (await plane.audit()).filter(
      ({ user, code }) => user.startsWith('system:serviceaccount:') && (code === 401 || code === 403),
    );
    assert.deepEqual(refused, []);
  });
});
