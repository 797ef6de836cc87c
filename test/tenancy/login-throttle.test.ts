import assert from 'node:assert/strict';
import type { AccessDecision, DenialReason } from '../../src/tenancy/access.ts';
import { DEFAULT_RULES, type ThrottledLogin, throttleLogins } from '../../src/tenancy/login-throttle.ts';
import { generateClientId } from '../../src/tenancy/secrets.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';

const RULES = {
  ...DEFAULT_RULES,
  perClientAndAddress: 3,
  perAddress: 4,
  firstBanSeconds: 100,
  longestBanSeconds: 350,
};
const SHOP = '203.0.113.7';
const ALLOWED = { allowed: true, access: {} } as unknown as AccessDecision;

describe('Throttled logins', () => {
  let database: TestDatabase;
  before(async () => {
    database = await migratedDatabase();
  });
  after(() => database.close());
  beforeEach(() => database.pool.query('TRUNCATE piing.login_throttle'));

  let asked = 0;
  /** One process: it believes the secret "right", and knows every client id but those that begin with "no". */
  const process = (): ThrottledLogin =>
    throttleLogins(
      database.pool,
      async ({ clientId, clientSecret }) => {
        asked += 1;
        if (clientSecret === 'right') return ALLOWED;
        return { allowed: false, reason: clientId.startsWith('no') ? 'unknown-client' : 'wrong-secret' };
      },
      RULES,
    );

  async function reasonOf(
    login: ThrottledLogin,
    clientId: string,
    clientSecret: string,
    remoteAddress = SHOP,
  ): Promise<DenialReason | undefined> {
    const decision = await login({ clientId, clientSecret, remoteAddress });
    return decision.allowed ? undefined : decision.reason;
  }

  async function ban(login: ThrottledLogin, clientId: string): Promise<void> {
    for (let attempt = 0; attempt < RULES.perClientAndAddress; attempt += 1)
      assert.equal(await reasonOf(login, clientId, 'wrong'), 'wrong-secret');
  }

  /** Seconds that are left of a ban. */
  async function remaining(prefix: string): Promise<number> {
    const { rows } = await database.pool.query<{ seconds: number }>(
      `SELECT (expire / 1000.0 - extract(epoch FROM now()))::float8 AS seconds FROM piing.login_throttle WHERE key LIKE $1`,
      [`${prefix}%`],
    );
    assert.equal(rows.length, 1);
    return rows[0]?.seconds ?? 0;
  }

  /** Lets a ban end; what it counted towards stays. */
  const endBan = (prefix: string) =>
    database.pool.query('DELETE FROM piing.login_throttle WHERE key LIKE $1', [`${prefix}%`]);

  it('are banned after some wrong secrets, on every process, without a look at the secret', async () => {
    const [first, second] = [process(), process()];
    const clientId = generateClientId();
    await ban(first, clientId);
    asked = 0;
    for (const login of [first, second]) assert.equal(await reasonOf(login, clientId, 'right'), 'throttled');
    assert.equal(asked, 0);
  });

  it('go on from another address, and for the neighbours behind the same', async () => {
    const login = process();
    const [clientId, neighbour] = [generateClientId(), generateClientId()];
    await ban(login, clientId);
    assert.equal(await reasonOf(login, clientId, 'right', '203.0.113.8'), undefined);
    assert.equal(await reasonOf(login, neighbour, 'right'), undefined);
  });

  it('are banned for longer each time, up to the longest', async () => {
    const login = process();
    const clientId = generateClientId();
    for (const seconds of [100, 200, 350, 350]) {
      await ban(login, clientId);
      const left = await remaining('pair:');
      assert.ok(left > seconds - 5 && left <= seconds, `${left} of ${seconds} seconds`);
      await endBan('pair:');
    }
  });

  it('of unknown client ids ban the address, but not those who have logged in from it before', async () => {
    const login = process();
    const [known, stranger] = [generateClientId(), generateClientId()];
    assert.equal(await reasonOf(login, known, 'right'), undefined);
    for (let attempt = 0; attempt < RULES.perAddress; attempt += 1)
      assert.equal(await reasonOf(login, `no-${attempt}`, 'wrong'), 'unknown-client');
    assert.equal(await reasonOf(login, stranger, 'right'), 'throttled');
    assert.equal(await reasonOf(process(), known, 'right'), undefined);
  });

  it('that succeed leave no count behind that grows, and a ban ends by itself', async () => {
    const login = throttleLogins(database.pool, async () => ({ allowed: false, reason: 'wrong-secret' }), {
      ...RULES,
      firstBanSeconds: 1,
    });
    const clientId = generateClientId();
    await ban(login, clientId);
    assert.equal(await reasonOf(login, clientId, 'wrong'), 'throttled');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal(await reasonOf(login, clientId, 'wrong'), 'wrong-secret');
  });

  it('never keep what was typed as a client id: it may be a secret', async () => {
    await reasonOf(process(), 'my own secret, in the wrong field', 'wrong');
    const { rows } = await database.pool.query<{ key: string }>('SELECT key FROM piing.login_throttle');
    assert.ok(rows.length > 0);
    for (const { key } of rows) assert.doesNotMatch(key, /secret/);
  });

  it('of ids of any length and any characters are counted like others', async () => {
    const login = process();
    for (const id of ['x'.repeat(100_000), 'no\0nul', "no'quote", '', '%'])
      assert.match((await reasonOf(login, id, 'wrong')) ?? '', /unknown-client|wrong-secret/);
  });
});
