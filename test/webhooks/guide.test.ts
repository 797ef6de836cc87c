import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { generateWebhookSecret, parseWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { post } from '../../src/webhooks/post.ts';
import { signatureHeaders } from '../../src/webhooks/signature.ts';
import { until } from '../support/gateway.ts';
import { freePort } from '../support/servers.ts';

/** The receivers that the guide gives tenants, run as they stand there. */
describe('The receivers of docs/guides/webhooks.md', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  const snippet = async (language: string) => {
    const guide = await readFile('docs/guides/webhooks.md', 'utf8');
    return new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(guide)?.[1] ?? assert.fail(language);
  };

  for (const [language, command, ...args] of [
    ['js', process.execPath, '--input-type=module', '-e'],
    ['python', 'python3', '-c'],
  ] as const) {
    it(`take a signed message, and refuse a forged, an altered and an old one: ${language}`, async () => {
      const secret = generateWebhookSecret();
      const port = await freePort();
      const child = spawn(command, [...args, await snippet(language)], {
        env: { PATH: process.env.PATH, WEBHOOK_SECRET: secret, PORT: String(port) },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      children.push(child);
      let output = '';
      child.stdout?.on('data', (data: Buffer) => {
        output += data;
      });
      const url = new URL(`http://127.0.0.1:${port}/`);
      const send = async (secrets: readonly string[], sentAt = new Date(), sent?: string) => {
        const body = '{"type":"upload.completed","data":{"uploadId":"0199","status":"COMPLETED"}}';
        const keys = secrets.map((text) => parseWebhookSecret(text) ?? assert.fail());
        const headers = signatureHeaders({ id: 'x', body, sentAt }, keys);
        const message = {
          headers: { ...headers, 'content-length': String((sent ?? body).length) },
          body: sent ?? body,
        };
        const target = { url, hostname: '127.0.0.1', port, addresses: ['127.0.0.1'] };
        const answer = await post(target, message, { connectTimeoutMs: 1_000 }, AbortSignal.timeout(5_000));
        return answer.status;
      };
      assert.equal(await until(() => send([secret]).catch(() => undefined)), 204);
      await until(async () => (/^upload\.completed 0199/.test(output) ? true : undefined));
      assert.equal(await send([generateWebhookSecret(), secret]), 204, 'during a rotation');
      assert.equal(await send([generateWebhookSecret()]), 400);
      assert.equal(await send([secret], new Date(), '{"type":"upload.failed"}'), 400);
      assert.equal(await send([secret], new Date(Date.now() - 600_000)), 400);
    });
  }
});
