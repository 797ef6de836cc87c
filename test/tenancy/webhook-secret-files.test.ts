import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { webhookSecretFiles } from '../../src/tenancy/webhook-secret-files.ts';
import { parseWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { temporaryDirectory } from '../support/servers.ts';

const REF = { name: 'hooks', key: 'secret' };

describe('Webhook secret files', () => {
  let directory: string;
  let generated: unknown[][];
  const files = () => webhookSecretFiles({ directory, onGenerated: (...report) => generated.push(report) });

  beforeEach(async () => {
    directory = join(await temporaryDirectory('webhook-secrets'), 'new');
    generated = [];
  });

  it('are generated when missing, for this user only, and said once', async () => {
    const secret = (await files().read('default', REF)) ?? '';
    const path = join(directory, 'default', 'hooks', 'secret');
    assert.ok(parseWebhookSecret(secret));
    assert.equal(await readFile(path, 'utf8'), `${secret}\n`);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(directory, 'default'))).mode & 0o777, 0o700);
    assert.equal((await files().read('default', REF))?.trim(), secret);
    assert.deepEqual(generated, [['default', REF, secret, path]]);
  });

  it('are used as they are, by namespace, name and key', async () => {
    await mkdir(join(directory, 'shops', 'hooks'), { recursive: true });
    await writeFile(join(directory, 'shops', 'hooks', 'erp'), 'own text');
    assert.equal(await files().read('shops', { name: 'hooks', key: 'erp' }), 'own text');
    assert.deepEqual(generated, []);
  });

  it('say which file cannot be read', async () => {
    await mkdir(join(directory, 'default', 'hooks', 'secret'), { recursive: true });
    await assert.rejects(
      files().read('default', REF),
      /webhook secret \S+hooks\/secret cannot be read: EISDIR/,
    );
  });

  it('are seen to change', async () => {
    const { read, fingerprint } = files();
    const empty = await fingerprint?.();
    await read('default', REF);
    const first = await fingerprint?.();
    assert.notEqual(first, empty);
    assert.equal(await fingerprint?.(), first);
    await writeFile(join(directory, 'default', 'hooks', 'secret'), 'another');
    assert.notEqual(await fingerprint?.(), first);
  });
});
