import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { until } from '../support/gateway.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { verified } from '../webhooks/fixture.ts';
import { answer, type Received, type Receiver, startReceiver } from '../webhooks/receiver.ts';

const manifest = (url: string) => `apiVersion: piing.ai/v1alpha1
kind: Organization
metadata: { name: hooked }
spec:
  credentials: [{ name: pos }]
  webhooks: [{ name: erp, url: "${url}", secretRef: { name: hooks } }]
---
apiVersion: piing.ai/v1alpha1
kind: SchemaEnablement
metadata: { name: hooked-transactions }
spec: { organizationRef: { name: hooked }, schemaType: orgTransactions }
`;

describe('Webhooks of npm start', function () {
  this.timeout(120_000);
  let gateway: StandaloneProcess;
  let receiver: Receiver;
  let env: Record<string, string>;
  let secretFile: string;
  let secret: string;

  before(async () => {
    receiver = await startReceiver();
    const tenants = await temporaryDirectory('hooked-tenants');
    await writeFile(join(tenants, 'hooked.yaml'), manifest(receiver.url));
    const data = join(await temporaryDirectory('hooked'), 'data');
    env = {
      PIING_DATA_DIR: data,
      PIING_TENANTS_DIR: tenants,
      PIING_WEBHOOK_ALLOWED_RANGES: '127.0.0.1',
      PIING_LOG_FORMAT: 'json',
    };
    gateway = await startStandalone(data, env);
    secretFile = join(data, 'webhook-secrets', 'default', 'hooks', 'secret');
    secret = (await readFile(secretFile, 'utf8')).trim();
  });
  after(async () => {
    await gateway.stop();
    await receiver.close();
  });

  const piing = (...args: string[]) =>
    run(process.execPath, ['src/main.ts', 'webhooks', ...args], {
      env: { PIING_DATA_DIR: env.PIING_DATA_DIR ?? '' },
    });

  async function upload(): Promise<string> {
    const credential = JSON.stringify(await gateway.credential('hooked', 'pos'));
    const api = `${gateway.endpoints.http.url}/api/external`;
    const headers = { 'content-type': 'application/json' };
    const issued = await fetch(`${api}/auth/token`, { method: 'POST', headers, body: credential });
    const { access_token } = (await issued.json()) as { access_token: string };
    const form = new FormData();
    form.set('schemaType', 'orgTransactions');
    form.set('file', new Blob([await readFile('config/samples/orgTransactions.csv')]), 'sample.csv');
    const taken = await fetch(`${api}/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}` },
      body: form,
    });
    assert.equal(taken.status, 202);
    return ((await taken.json()) as { uploadId: string }).uploadId;
  }

  /** Messages about an upload; they carry it as the status endpoint shows it. */
  const about = (uploadId: string): Received[] =>
    receiver.received.filter(({ body }) => JSON.parse(body).data.uploadId === uploadId);
  const told = (uploadId: string) => until(async () => about(uploadId).at(-1));

  it('show their secret once, where it is kept, and are sent each ended upload', async () => {
    assert.ok(gateway.output().includes(`New webhook secret hooks, also in ${secretFile}:\n  ${secret}\n`));
    const id = await upload();
    const { type, data } = verified(secret, await told(id));
    assert.equal(type, 'upload.completed');
    assert.equal((data.rows as { loaded: number }).loaded, 25);
    const logged = () =>
      gateway
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'));
    await until(async () => (logged().some((line) => line.includes('webhook delivered')) ? true : undefined));
    assert.ok(!logged().join().includes(secret.slice(6)), 'no secret in the logs');
  });

  it('are looked at and tried by piing webhooks', async () => {
    assert.match(
      (await piing('list')).stdout,
      /^ORGANIZATION .*\nhooked +erp +http:\S+ +completed .* 0 +working/,
    );
    const deliveries = JSON.parse((await piing('deliveries', '--state', 'delivered', '--json')).stdout);
    assert.deepEqual([deliveries.length, deliveries[0].attempts[0].status], [1, 204]);
    assert.match((await piing('deliveries')).stdout, /upload\.completed +\S+ +DELIVERED +1 +204 DELIVERED/);
    const tested = await piing('test', 'hooked', 'erp');
    assert.equal(tested.code, 0, tested.stderr);
    assert.match(tested.stdout, / 1 +\S+ \S+ +\d+ ms +204 DELIVERED/);
    assert.equal(verified(secret, receiver.received.at(-1) ?? assert.fail()).type, 'webhook.test');
    receiver.respond = answer(500);
    const failed = await piing('test', 'hooked', 'erp');
    assert.deepEqual([failed.code, /500 STATUS/.test(failed.stdout)], [1, true]);
    assert.match((await piing('list')).stdout, /failing since/);
    assert.match(
      (await piing('test', 'hooked', 'none')).stderr,
      /^hooked has no webhook none\. See them with: piing/,
    );
  });

  it('are disabled by 410 Gone, and enabled by piing webhooks enable', async () => {
    receiver.respond = answer(410);
    assert.equal((await piing('test', 'hooked', 'erp')).code, 1);
    assert.match((await piing('list')).stdout, /disabled .* the receiver answered 410 Gone/);
    assert.match((await piing('test', 'hooked', 'erp')).stderr, /piing webhooks enable hooked erp$/m);
    receiver.respond = answer(204);
    assert.match((await piing('enable', 'hooked', 'erp')).stdout, /is enabled/);
    assert.equal((await piing('test', 'hooked', 'erp')).code, 0);
  });

  it('sign with both secrets when the file changes', async () => {
    const changed = generateWebhookSecret();
    await writeFile(secretFile, changed);
    await until(async () => ((await piing('list')).stdout.includes('with two secrets') ? true : undefined));
    const message = await told(await upload());
    verified(changed, message);
    verified(secret, message);
    secret = changed;
  });

  it('lose nothing when the gateway is killed', async () => {
    receiver.respond = answer(503);
    const id = await upload();
    await told(id);
    await gateway.stop('SIGKILL');
    receiver.respond = answer(204);
    gateway = await startStandalone(gateway.dataDirectory, env);
    await until(async () => (about(id).length >= 2 ? true : undefined));
    const ids = new Set(about(id).map(({ headers }) => headers['webhook-id']));
    assert.equal(ids.size, 1);
    verified(secret, await told(id));
  });
});
