import assert from 'node:assert/strict';
import { runUpgrade } from './upgrade.ts';

/** Between two steps; the steps themselves take longer. */
const SECONDS = 3;

describe('While files flow, a fleet that is restarted member by member', function () {
  this.timeout(900_000);

  it('loses nothing that it acknowledged, and refuses nothing twice', async () => {
    const { fleet, sent, findings, refusedTwice } = await runUpgrade({
      seed: 1,
      from: process.cwd(),
      seconds: SECONDS,
    });
    const story = fleet.log.slice(-40).join('');
    for (const [what, found] of Object.entries(findings)) assert.deepEqual(found, [], `${what}: ${story}`);
    assert.ok(sent.filter(({ told }) => told === 'acknowledged').length >= 20, story);
    assert.deepEqual(
      refusedTwice.map(({ name, reason }) => `${name}: ${reason}`),
      [],
    );
    assert.deepEqual(
      fleet.members.flatMap(({ name, deaths }) => deaths.map((how) => `${name} ended with ${how}`)),
      [],
    );
  });
});
