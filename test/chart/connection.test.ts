import assert from 'node:assert/strict';
import { type ApiFixture, startApiFixture } from '../api/api-fixture.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { podTemplates, render, VALUES_FILES } from '../support/helm.ts';
import { run } from '../support/run.ts';
import { freePort } from '../support/servers.ts';

/** What the pod of `helm test` runs, here against servers of this process. */
describe('helm test', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let proxied: TestGateway;
  let api: ApiFixture;

  before(async () => {
    gateway = await startTestGateway();
    proxied = await startTestGateway({ proxyRanges: ['127.0.0.1'] });
    api = await startApiFixture();
  });
  after(async () => {
    await gateway.close();
    await proxied.close();
    await api.close();
  });

  async function runPod(env: Record<string, string>) {
    const pods = podTemplates(await render(VALUES_FILES[0] as string));
    const container = pods.find(({ role }) => role === 'test')?.spec.containers[0];
    const [node, ...options] = container.command;
    assert.equal(node, 'node');
    return run(process.execPath, [...options, ...container.args], { env });
  }

  it('succeeds when SFTP greets and the API answers', async () => {
    const { code, stdout } = await runPod({
      SFTP: `127.0.0.1:${gateway.port}`,
      HTTP: new URL(api.api).origin,
    });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^SFTP 127\.0\.0\.1:\d+: SSH-2\.0-/m);
    assert.match(stdout, /^HTTP http:\/\/127\.0\.0\.1:\d+: 200 Piing/m);
  });

  it('speaks as a load balancer would where the gateway expects a PROXY header', async () => {
    const { code, stdout } = await runPod({ SFTP: `127.0.0.1:${proxied.port}` });
    assert.equal(code, 0, stdout);
  });

  it('fails, and says why, when one of them is not there', async () => {
    const port = await freePort();
    const { code, stdout } = await runPod({
      SFTP: `127.0.0.1:${gateway.port}`,
      HTTP: `http://127.0.0.1:${port}`,
    });
    assert.equal(code, 1);
    assert.match(stdout, /^HTTP http:\/\/127\.0\.0\.1:\d+: fetch failed \(connect ECONNREFUSED/m);
  });

  it('asks the Services of the release', async () => {
    const env = podTemplates(await render(VALUES_FILES[0] as string)).find(({ role }) => role === 'test')
      ?.spec.containers[0].env;
    assert.deepEqual(env, [
      { name: 'SFTP', value: 'everything-gateway:22' },
      { name: 'HTTP', value: 'http://everything-api:80' },
    ]);
  });
});
