import assert from 'node:assert/strict';
import { authenticate } from '../../src/tenancy/access.ts';
import { generateClientId, generateClientSecret } from '../../src/tenancy/secrets.ts';
import { type ApiFixture, startApiFixture, type TestClient } from '../api/api-fixture.ts';

/**
 * The share of pairs in which the first kind took longer than the second: 0.5 when they cannot be told apart
 * (Mann-Whitney's U, by its size). One outlier counts as one, so that a busy machine does not decide.
 */
function shareAbove(first: readonly number[], second: readonly number[]): number {
  let above = 0;
  for (const one of first) for (const other of second) above += one > other ? 1 : one === other ? 0.5 : 0;
  return above / (first.length * second.length);
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;

const BATCHES = 6;
const PAIRS = 10;
/** Sixty and sixty that are alike leave this band, which is 4.7 times their deviation, in one run of 400,000. */
const BAND = 0.25;
const assertAlike = (share: number, what: string) =>
  assert.ok(Math.abs(share - 0.5) < BAND, `${what}: ${share.toFixed(2)} of the pairs`);

describe('The time that a login takes', function () {
  this.timeout(120_000);
  let fixture: ApiFixture;
  let client: TestClient;

  before(async () => {
    fixture = await startApiFixture();
    client = await fixture.addClient('acme');
  });
  after(() => fixture.close());

  async function deny(clientId: string): Promise<number> {
    const started = performance.now();
    const answer = await fetch(`${fixture.api}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: clientId, client_secret: generateClientSecret() }),
    });
    await answer.text();
    assert.equal(answer.status, 401);
    return performance.now() - started;
  }

  it('does not tell by HTTP whether there is such a client', async () => {
    const times = { unknown: [] as number[], wrong: [] as number[] };
    for (let batch = 0; batch < BATCHES; batch += 1) {
      // All at the same moment, and each first as often as the other, so that both meet the same machine.
      const pair = async (index: number) => {
        const unknown = async () => times.unknown.push(await deny(generateClientId()));
        const wrong = async () => times.wrong.push(await deny(client.clientId));
        await Promise.all(index % 2 === 0 ? [unknown(), wrong()] : [wrong(), unknown()]);
      };
      await Promise.all(Array.from({ length: PAIRS }, (_, index) => pair(index + batch)));
    }
    for (const all of Object.values(times)) assert.ok(Math.min(...all) >= 295, 'every denial takes its time');
    const difference = median(times.unknown) - median(times.wrong);
    process.stderr.write(`      medians differ by ${difference.toFixed(1)} ms\n`);
    assertAlike(shareAbove(times.unknown, times.wrong), 'an unknown client takes longer in');
  });

  it('would be found if it told: without the floor, a query more is seen', async () => {
    const { pool } = fixture.database;
    const time = async (clientId: string, queries: number) => {
      const started = performance.now();
      for (let count = 0; count < queries; count += 1)
        await authenticate(pool, { clientId, clientSecret: 'x', remoteAddress: '127.0.0.1' });
      return performance.now() - started;
    };
    const [one, many]: [number[], number[]] = [[], []];
    for (let round = 0; round < 30; round += 1) {
      one.push(await time(client.clientId, 1));
      many.push(await time(client.clientId, 20));
    }
    assert.ok(shareAbove(many, one) > 0.5 + BAND);
  });
});
