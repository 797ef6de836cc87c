import assert from 'node:assert/strict';
import { finishProcessing } from '../../src/pipeline/progress.ts';
import { applyOrganization } from '../../src/tenancy/apply-organization.ts';
import { generateWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { enableEndpoint, listDeliveries, listEndpoints, requestTest } from '../../src/webhooks/queries.ts';
import type { WebhookSender } from '../../src/webhooks/sender.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { RecordingLogger } from '../support/logger.ts';
import { Deliveries, organization } from '../tenancy/fixture.ts';
import {
  COMPLETED,
  endUpload,
  hookedOrganization,
  QUICK_RETRIES,
  settled,
  startSender,
  verified,
  webhook,
} from './fixture.ts';
import { answer, type Receiver, selfSigned, startReceiver } from './receiver.ts';

describe('The sender of webhooks', () => {
  let database: TestDatabase;
  let receiver: Receiver;
  const senders: WebhookSender[] = [];

  before(async () => {
    database = await migratedDatabase();
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.close()));
    await receiver.close();
  });
  after(() => database.close());

  function start(
    ...[options, tuning]: [Parameters<typeof startSender>[1]?, Parameters<typeof startSender>[2]?]
  ) {
    const sender = startSender(database, options, tuning);
    senders.push(sender);
    return sender;
  }
  const hooked = (url = receiver.url) => hookedOrganization(database.pool, webhook('erp', url));
  const ids = () => receiver.received.map(({ headers }) => headers['webhook-id']);

  it('tells the receiver within moments, signed, as JSON', async () => {
    const sender = start();
    const { id, secret } = await hooked();
    const upload = await endUpload(database.pool, id);
    const [delivery] = await settled(database.pool, id);
    const [request] = receiver.received;
    assert.ok(request);
    assert.equal(request.path, '/hook?from=piing');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.equal(request.headers['webhook-id'], delivery?.id);
    const { type, data } = verified(secret, request);
    assert.deepEqual([type, data.uploadId, data.status], ['upload.completed', upload, 'COMPLETED']);
    assert.deepEqual([delivery?.state, delivery?.attempts.length], ['DELIVERED', 1]);
    assert.deepEqual([delivery?.attempts[0]?.status, delivery?.attempts[0]?.error], [204, null]);
    const { values } = await sender.metrics.webhookDeliveries.get();
    assert.equal(values.find(({ labels }) => labels.outcome === 'delivered')?.value, 1);
  });

  it('speaks https', async () => {
    const certificate = await selfSigned('hooks.example.com');
    const secure = await startReceiver({ certificate });
    start({}, { ca: certificate.cert, resolve: async () => ['127.0.0.1'] });
    const { id, secret } = await hooked(`https://hooks.example.com:${secure.port}/`);
    await endUpload(database.pool, id);
    assert.equal((await settled(database.pool, id))[0]?.state, 'DELIVERED');
    verified(secret, secure.received[0] ?? assert.fail());
    await secure.close();
  });

  it('tries again with the same id and the same bytes until it is taken, signed anew', async () => {
    const faults = [
      answer(500),
      answer(429),
      (request: { socket: { destroy(): void } }) => request.socket.destroy(),
    ];
    receiver.respond = (request, response, count) =>
      (faults[count - 1] ?? answer(200))(request, response, count);
    start();
    const { id, secret } = await hooked();
    await endUpload(database.pool, id);
    const [delivery] = await settled(database.pool, id);
    assert.equal(receiver.received.length, 4);
    assert.equal(new Set(ids()).size, 1);
    assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);
    for (const request of receiver.received) verified(secret, request);
    assert.deepEqual(
      delivery?.attempts.map(({ attempt, status, error }) => [attempt, status, error]),
      [
        [1, 500, 'STATUS'],
        [2, 429, 'STATUS'],
        [3, null, 'CONNECTION_LOST'],
        [4, 200, null],
      ],
    );
  });

  it('gives a hanging receiver its time and no more', async () => {
    receiver.respond = (_request, response, count) => {
      if (count > 1) response.end();
    };
    start({}, { timeoutMs: 200 });
    const { id } = await hooked();
    await endUpload(database.pool, id);
    const [first, second] = (await settled(database.pool, id))[0]?.attempts ?? [];
    assert.deepEqual([first?.error, second?.error], ['TIMEOUT', null]);
    assert.ok((first?.durationMs ?? 0) >= 190 && (first?.durationMs ?? 0) < 2_000, JSON.stringify(first));
  });

  it('goes on where an earlier sender stopped, with the message of the moment when the upload ended', async () => {
    receiver.respond = answer(503);
    const first = start();
    const { id, secret } = await hooked();
    const upload = await endUpload(database.pool, id, { status: 'FAILED', rows: undefined });
    await until(async () => (receiver.received.length > 0 ? true : undefined));
    await first.close();
    // Meanwhile the upload was run again, and succeeded.
    await database.pool.query(`UPDATE piing.uploads SET status = 'PROCESSING' WHERE id = $1`, [upload]);
    await finishProcessing(database.pool, upload, COMPLETED);
    receiver.respond = answer(200);
    start();
    const deliveries = await settled(database.pool, id);
    assert.deepEqual(
      deliveries.map(({ type, state }) => [type, state]),
      [
        ['upload.failed', 'DELIVERED'],
        ['upload.completed', 'DELIVERED'],
      ],
    );
    for (const request of receiver.received) {
      const { type, data } = verified(secret, request);
      assert.equal(data.status, type === 'upload.failed' ? 'FAILED' : 'COMPLETED');
    }
    assert.equal(new Set(ids()).size, 2);
  });

  it('gives up when the time is over, counts it, and forgets the body', async () => {
    receiver.respond = answer(500);
    const sender = start({}, { schedule: { ...QUICK_RETRIES, giveUpAfter: 500 } });
    const { id } = await hooked();
    await endUpload(database.pool, id);
    const [delivery] = await settled(database.pool, id);
    assert.equal(delivery?.state, 'GIVEN_UP');
    assert.ok((delivery?.attempts.length ?? 0) >= 3);
    const { values } = await sender.metrics.webhookDeliveries.get();
    assert.equal(values.find(({ labels }) => labels.outcome === 'given_up')?.value, 1);
    const kept = await database.pool.query('SELECT body FROM piing.webhook_deliveries WHERE id = $1', [
      delivery?.id,
    ]);
    assert.deepEqual(kept.rows, [{ body: null }]);
  });

  it('disables a webhook whose receiver says 410 Gone, visibly, until it is enabled or has another URL', async () => {
    receiver.respond = answer(410);
    start();
    const { id } = await hooked();
    await endUpload(database.pool, id);
    assert.equal((await settled(database.pool, id))[0]?.attempts[0]?.error, 'GONE');
    const [endpoint] = await listEndpoints(database.pool, id);
    assert.ok(endpoint?.disabledAt);
    receiver.respond = answer(200);
    await endUpload(database.pool, id);
    assert.equal(receiver.received.length, 1, 'it is told nothing any more');
    await enableEndpoint(database.pool, id, 'erp');
    await endUpload(database.pool, id);
    assert.equal((await settled(database.pool, id)).at(-1)?.state, 'DELIVERED');
  });

  it('drops what else was on its way to a receiver that is gone', async () => {
    const { id } = await hooked();
    for (let count = 0; count < 5; count += 1) await endUpload(database.pool, id);
    receiver.respond = answer(410);
    start();
    const states = (await settled(database.pool, id)).map(({ state }) => state);
    assert.ok(states.includes('GIVEN_UP') && states.includes('CANCELLED'), states.join());
    assert.ok(receiver.received.length <= 2);
  });

  it('follows no redirect, not to a private address either', async () => {
    const inside = await startReceiver();
    receiver.respond = answer(307, { location: inside.url });
    start({}, { schedule: { ...QUICK_RETRIES, giveUpAfter: 100 } });
    const { id } = await hooked();
    await endUpload(database.pool, id);
    assert.equal((await settled(database.pool, id))[0]?.attempts[0]?.error, 'REDIRECT');
    assert.equal(inside.received.length, 0);
    await inside.close();
  });

  describe('lets no tenant reach what is not public:', () => {
    const schedule = { ...QUICK_RETRIES, giveUpAfter: 0 };

    it('not by address', async () => {
      start({ allowedRanges: [] }, { schedule });
      const { id } = await hooked();
      await endUpload(database.pool, id);
      assert.equal((await settled(database.pool, id))[0]?.attempts[0]?.error, 'ADDRESS_NOT_ALLOWED');
      assert.equal(receiver.received.length, 0);
    });

    it('not by a name whose name server first gives a public address and then another (DNS rebinding)', async () => {
      let asked = 0;
      const resolve = async () => (++asked === 1 ? ['127.0.0.2'] : ['127.0.0.1']);
      // 127.0.0.2 plays the public address; the receiver listens at 127.0.0.1, which plays the private one.
      start({ allowedRanges: ['127.0.0.2/32'] }, { schedule, resolve });
      const { id } = await hooked(`http://rebinding.example.com:${receiver.port}/`);
      await endUpload(database.pool, id);
      const first = await settled(database.pool, id);
      assert.equal(first[0]?.attempts[0]?.error, 'CONNECT_FAILED', 'it went to what was checked');
      assert.equal(asked, 1, 'and asked once');
      await endUpload(database.pool, id);
      assert.equal((await settled(database.pool, id))[1]?.attempts[0]?.error, 'ADDRESS_NOT_ALLOWED');
      assert.equal(receiver.received.length, 0);
    });
  });

  it('sends to one webhook twice at a time, and to others meanwhile', async () => {
    let [open, most] = [0, 0];
    const slow = await startReceiver({
      respond: (_request, response) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open -= 1;
          response.end();
        }, 150);
      },
    });
    const [sluggish, brisk] = [await hooked(slow.url), await hooked()];
    for (let count = 0; count < 30; count += 1) await endUpload(database.pool, sluggish.id);
    start();
    start();
    await until(async () => (slow.received.length > 0 ? true : undefined));
    const began = performance.now();
    await endUpload(database.pool, brisk.id);
    await settled(database.pool, brisk.id);
    const took = performance.now() - began;
    assert.ok(slow.received.length < 30, 'the slow one still has a queue');
    assert.ok(took < 2_000, `${took} ms`);
    await settled(database.pool, sluggish.id);
    assert.equal(most, 2, 'over both senders');
    assert.equal(new Set(slow.received.map(({ headers }) => headers['webhook-id'])).size, 30);
    assert.equal(slow.received.length, 30, 'and each message once');
    await slow.close();
  });

  it('is not held up by many tenants whose receivers hang', async () => {
    const hanging = await startReceiver({ respond: () => undefined });
    const tenants = await Promise.all(Array.from({ length: 40 }, () => hooked(hanging.url)));
    const schedule = { first: 10, factor: 1, longest: 10, giveUpAfter: 3_600_000 };
    start({}, { schedule, timeoutMs: 1_500 });
    await Promise.all(tenants.flatMap(({ id }) => [1, 2, 3].map(() => endUpload(database.pool, id))));
    // From now on all of them are known to fail, and are due again at once.
    await until(async () => (hanging.received.length > 64 ? true : undefined));
    const { id } = await hooked();
    const began = performance.now();
    await endUpload(database.pool, id);
    await settled(database.pool, id);
    const took = performance.now() - began;
    assert.ok(took < 2_000, `${took} ms`);
    await database.pool.query(`DELETE FROM piing.webhook_endpoints WHERE organization_id = ANY ($1)`, [
      tenants.map((tenant) => tenant.id),
    ]);
    await hanging.close();
  });

  it('waits for a secret, and signs with the former one too after a rotation', async () => {
    const manifest = organization('rotating', { webhooks: [webhook('erp', receiver.url)] });
    const apply = (secret: string | undefined) =>
      applyOrganization(database.pool, manifest, new Deliveries().deliver, {
        webhookSecrets: { read: async () => secret },
      });
    await apply(undefined);
    const id = manifest.metadata.name as Parameters<typeof endUpload>[1];
    start();
    await endUpload(database.pool, id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(receiver.received.length, 0);
    const [former, current] = [generateWebhookSecret(), generateWebhookSecret()];
    await apply(former);
    await settled(database.pool, id);
    await apply(current);
    await endUpload(database.pool, id);
    await settled(database.pool, id);
    const [before, after] = receiver.received;
    assert.ok(before && after);
    verified(former, before);
    verified(former, after);
    verified(current, after);
    assert.throws(() => verified(current, before));
  });

  it('sends a test once, whatever comes of it', async () => {
    receiver.respond = answer(500);
    start();
    const { id } = await hooked();
    const delivery = await requestTest(database.pool, id, 'erp');
    const [found] = await settled(database.pool, id);
    assert.deepEqual([found?.id, found?.type, found?.state], [delivery, 'webhook.test', 'GIVEN_UP']);
    assert.equal(receiver.received.length, 1);
  });

  it('forgets old deliveries, and ends those that nobody may send', async () => {
    const { id } = await hooked();
    await endUpload(database.pool, id);
    const stuck = await hooked();
    await endUpload(database.pool, stuck.id);
    await database.pool.query('DELETE FROM piing.webhook_secrets WHERE organization_id = $1', [stuck.id]);
    start();
    await settled(database.pool, id);
    await database.pool.query(
      `UPDATE piing.webhook_deliveries SET ended_at = ended_at - interval '8 days' WHERE organization_id = $1`,
      [id],
    );
    await database.pool.query(
      `UPDATE piing.webhook_deliveries SET created_at = now() - interval '25 hours', due_at = now() - interval '1 hour'
        WHERE organization_id = $1`,
      [stuck.id],
    );
    start();
    assert.equal((await settled(database.pool, stuck.id))[0]?.state, 'GIVEN_UP');
    await until(async () =>
      (await listDeliveries(database.pool, { organizationId: id, limit: 1 })).length === 0 ? true : undefined,
    );
  });

  it('logs each attempt with its ids, and neither secrets nor the path of the URL', async () => {
    const recording = new RecordingLogger();
    receiver.respond = (request, response, count) =>
      answer(count === 1 ? 500 : 200)(request, response, count);
    start({ logger: recording.logger });
    const { id, secret } = await hooked(receiver.url.replace('from=piing', 'token=hunter2'));
    await endUpload(database.pool, id);
    const [delivery] = await settled(database.pool, id);
    const line = await until(async () => recording.find(({ msg }) => msg === 'webhook delivered'));
    assert.deepEqual([line.deliveryId, line.organizationId, line.webhook], [delivery?.id, id, 'erp']);
    const text = JSON.stringify(recording.lines);
    assert.ok(!text.includes('hunter2') && !text.includes('/hook'), text);
    assert.ok(!text.includes(secret.slice('whsec_'.length)) && !/v1,/.test(text));
  });
});
