import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/gateway.ts';
import { endUpload, hookedOrganization, settled, startSender, verified, webhook } from './fixture.ts';
import { answer, startReceiver } from './receiver.ts';

const SENDER = `
import { createPool } from './src/database/pool.ts';
import { createLogger } from './src/telemetry/logger.ts';
import { createMetrics } from './src/telemetry/metrics.ts';
import { startWebhookSender } from './src/webhooks/sender.ts';
const url = process.env.DATABASE_URL;
const logger = createLogger({ role: 'test', level: 'error', format: 'json' });
const pool = createPool({ url, applicationName: 'test', max: 4, statementTimeoutMs: 0, logger });
const tuning = { leaseSeconds: 1 };
startWebhookSender({ url, pool, logger, metrics: createMetrics(), allowedRanges: ['127.0.0.0/8'], auditDays: 7, tuning });`;

describe('A worker that is killed', () => {
  let database: TestDatabase;
  const children: ChildProcess[] = [];

  before(async () => {
    database = await migratedDatabase();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await database.close();
  });

  it('loses no message: what it was sending is sent again under the same id', async () => {
    const receiver = await startReceiver({ respond: () => undefined });
    const child = spawn(process.execPath, ['--input-type=module', '-e', SENDER], {
      env: { PATH: process.env.PATH, DATABASE_URL: database.url },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.push(child);
    const { id, secret } = await hookedOrganization(database.pool, webhook('erp', receiver.url));
    for (let count = 0; count < 5; count += 1) await endUpload(database.pool, id);
    await until(async () => (receiver.received.length === 2 ? true : undefined));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    receiver.respond = answer(200);
    const sender = startSender(database);
    const deliveries = await settled(database.pool, id);
    await sender.close();
    assert.deepEqual(
      deliveries.map(({ state }) => state),
      Array(5).fill('DELIVERED'),
    );
    assert.equal(receiver.received.length, 7, 'the two once more, the others once');
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    assert.deepEqual(new Set(ids), new Set(deliveries.map((delivery) => delivery.id)));
    for (const request of receiver.received) verified(secret, request);
    await receiver.close();
  });
});
