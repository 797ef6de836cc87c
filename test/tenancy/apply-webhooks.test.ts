import assert from 'node:assert/strict';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import type { WebhookSpec } from '../../src/tenancy/resources.ts';
import { generateWebhookSecret, type WebhookSecrets } from '../../src/tenancy/webhook-secrets.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { Deliveries, organization } from './fixture.ts';

const hook = (name: string, spec: Partial<WebhookSpec> = {}): WebhookSpec => ({
  name,
  url: 'https://hooks.example.com/',
  secretRef: { name: 'hooks', key: name },
  events: ['upload.failed'],
  ...spec,
});

describe('The webhooks of an organization', () => {
  let db: TestDatabase;
  /** By `namespace/name/key`. */
  const secrets = new Map<string, string>();
  const source: WebhookSecrets = {
    read: async (namespace, { name, key }) => secrets.get(`${namespace}/${name}/${key}`),
  };
  const apply = (name: string, webhooks: readonly WebhookSpec[]) =>
    applyOrganization(db.pool, organization(name, { webhooks }), new Deliveries().deliver, {
      webhookSecrets: source,
    });
  const endpoints = async (id: string) =>
    (
      await db.pool.query(
        'SELECT name, url, events, disabled_at IS NOT NULL AS disabled FROM piing.webhook_endpoints WHERE organization_id = $1 ORDER BY name',
        [id],
      )
    ).rows;
  /** Newest first, with whether each is running out. */
  const keys = async (id: string) => {
    const sql = `SELECT 'whsec_' || encode(secret, 'base64') AS secret, valid_until > now() AS ending
                   FROM piing.webhook_secrets WHERE organization_id = $1 ORDER BY created_at DESC`;
    return (await db.pool.query(sql, [id])).rows;
  };

  before(async () => {
    db = await migratedDatabase();
  });
  after(() => db.close());
  beforeEach(() => {
    secrets.clear();
    for (const key of ['a', 'b']) secrets.set(`default/hooks/${key}`, generateWebhookSecret());
  });

  it('become what the manifest lists, once', async () => {
    const listed = [hook('a'), hook('b', { events: ['upload.completed', 'upload.failed'] })];
    assert.deepEqual(await apply('listed', listed), { changed: true });
    assert.deepEqual(await apply('listed', listed), { changed: false });
    assert.deepEqual(await endpoints('listed'), [
      { name: 'a', url: 'https://hooks.example.com/', events: ['upload.failed'], disabled: false },
      {
        name: 'b',
        url: 'https://hooks.example.com/',
        events: ['upload.completed', 'upload.failed'],
        disabled: false,
      },
    ]);
  });

  it('end with their entry, and so do their messages', async () => {
    await apply('ended', [hook('a'), hook('b')]);
    for (const name of ['a', 'b'])
      await db.pool.query(
        `INSERT INTO piing.webhook_deliveries (id, organization_id, endpoint, type, body)
         VALUES (gen_random_uuid(), 'ended', $1, 'webhook.test', '{}')`,
        [name],
      );
    assert.deepEqual(await apply('ended', [hook('b')]), { changed: true });
    assert.deepEqual(
      (await endpoints('ended')).map(({ name }) => name),
      ['b'],
    );
    const { rows } = await db.pool.query(
      `SELECT endpoint, state FROM piing.webhook_deliveries WHERE organization_id = 'ended' ORDER BY 1`,
    );
    assert.deepEqual(rows, [
      { endpoint: 'a', state: 'CANCELLED' },
      { endpoint: 'b', state: 'PENDING' },
    ]);
  });

  it('stay disabled after 410 Gone until their URL changes', async () => {
    await apply('gone', [hook('a')]);
    await db.pool.query(
      `UPDATE piing.webhook_endpoints SET disabled_at = now() WHERE organization_id = 'gone'`,
    );
    await apply('gone', [hook('a', { events: ['upload.completed'] })]);
    assert.equal((await endpoints('gone'))[0]?.disabled, true);
    await apply('gone', [hook('a', { url: 'https://other.example.com/' })]);
    assert.equal((await endpoints('gone'))[0]?.disabled, false);
  });

  it('take a changed secret at once, and keep the former for a day', async () => {
    const former = secrets.get('default/hooks/a');
    await apply('rotated', [hook('a')]);
    const current = generateWebhookSecret();
    secrets.set('default/hooks/a', `${current}\n`);
    assert.deepEqual(await apply('rotated', [hook('a')]), { changed: true });
    assert.deepEqual(await apply('rotated', [hook('a')]), { changed: false });
    assert.deepEqual(await keys('rotated'), [
      { secret: current, ending: null },
      { secret: former, ending: true },
    ]);
    // Whoever takes a rotation back means it.
    secrets.set('default/hooks/a', former ?? '');
    await apply('rotated', [hook('a')]);
    assert.deepEqual(await keys('rotated'), [
      { secret: former, ending: null },
      { secret: current, ending: true },
    ]);
  });

  it('wait for a secret that is not there, while the rest of the organization is in effect', async () => {
    secrets.delete('default/hooks/a');
    assert.deepEqual(await apply('waiting', [hook('a'), hook('b')]), {
      changed: true,
      incomplete: [
        'spec.webhooks[0].secretRef: Secret default/hooks has no key a. Create it; messages wait for it until then.',
      ],
    });
    assert.equal((await endpoints('waiting')).length, 2);
    assert.equal((await keys('waiting')).length, 1);
  });

  it('keep their secret when the new one is unusable, which is said without showing it', async () => {
    await apply('kept', [hook('a')]);
    secrets.set('default/hooks/a', 'hunter2');
    const result = await apply('kept', [hook('a')]);
    assert.ok('incomplete' in result && result.incomplete);
    assert.match(
      result.incomplete[0] ?? '',
      /key a, is not whsec_ and 24 to 64 bytes in base64\. Correct it\.$/,
    );
    assert.ok(!JSON.stringify(result).includes('hunter2'));
    assert.deepEqual(
      (await keys('kept')).map(({ ending }) => ending),
      [null],
    );
  });
});
