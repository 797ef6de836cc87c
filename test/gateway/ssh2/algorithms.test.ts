import assert from 'node:assert/strict';
import { join } from 'node:path';
import { installPythonTools } from '../../../tools/python-tools.mjs';
import { requireClient } from '../../support/clients.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { RawSsh } from '../../support/raw-ssh.ts';
import { run } from '../../support/run.ts';

/** Everything that signs or checks with SHA-1 or MD5, chains blocks, compresses or is plainly broken. */
const NEVER = /sha1$|^ssh-rsa$|^ssh-dss$|group1-|group-exchange|md5|-cbc|arcfour|3des|zlib|^hmac-sha1/;

describe('The algorithms on offer', function () {
  this.timeout(60_000);
  const gateways = new Map<string, TestGateway>();

  before(async () => {
    for (const algorithms of ['modern', 'compatible'] as const)
      gateways.set(algorithms, await startTestGateway({ withWorker: false, algorithms }));
  });
  after(async () => {
    for (const gateway of gateways.values()) await gateway.close();
  });

  const portOf = (profile: string) => gateways.get(profile)?.port ?? 0;

  async function offerOf(profile: string, ident?: string) {
    const client = await RawSsh.connect(portOf(profile), ident);
    const offer = await client.offer();
    client.close();
    return offer;
  }

  it('modern: post-quantum first, AES in GCM before CTR, and MACs that encrypt first', async () => {
    const offer = await offerOf('modern');
    assert.deepEqual(offer.kex, [
      'mlkem768x25519-sha256',
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'kex-strict-s-v00@openssh.com',
    ]);
    assert.deepEqual(offer.serverHostKey, ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256']);
    assert.deepEqual(offer.cipherToServer, [
      'aes256-gcm@openssh.com',
      'aes128-gcm@openssh.com',
      'aes256-ctr',
      'aes192-ctr',
      'aes128-ctr',
    ]);
    assert.deepEqual(offer.macToServer, ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com']);
    assert.deepEqual(offer.compressToServer, ['none']);
  });

  it('compatible: adds what clients of ten years ago know, behind the rest', async () => {
    const modern = await offerOf('modern');
    const offer = await offerOf('compatible');
    assert.deepEqual(offer.kex.slice(0, 3), modern.kex.slice(0, 3));
    for (const kex of ['ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'])
      assert.ok(offer.kex.includes(kex));
    for (const mac of ['hmac-sha2-256', 'hmac-sha2-512']) assert.ok(offer.macToServer.includes(mac));
  });

  for (const profile of ['modern', 'compatible']) {
    it(`${profile}: never SHA-1, CBC or compression, in either direction`, async () => {
      const offer = await offerOf(profile);
      for (const names of Object.values(offer)) for (const name of names) assert.doesNotMatch(name, NEVER);
      assert.deepEqual(offer.cipherToServer, offer.cipherToClient);
      assert.deepEqual(offer.macToServer, offer.macToClient);
    });
  }

  it('offers MACs without encrypt-then-MAC to libssh2 before 1.11 alone, which knows no others', async () => {
    assert.ok((await offerOf('modern', 'SSH-2.0-libssh2_1.10.0')).macToServer.includes('hmac-sha2-256'));
    assert.ok(!(await offerOf('modern', 'SSH-2.0-libssh2_1.11.1')).macToServer.includes('hmac-sha2-256'));
  });

  it('satisfy ssh-audit, but for its warnings about classical key exchange', async function () {
    const tools = installPythonTools();
    requireClient(this, 'ssh-audit', tools !== undefined);
    const { code, stdout, stderr } = await run(
      'python3',
      [
        join(tools as string, 'bin/ssh-audit'),
        '--level=warn',
        '--no-colors',
        '-p',
        String(portOf('modern')),
        '127.0.0.1',
      ],
      { env: { PYTHONPATH: tools as string } },
    );
    const findings = (stdout + stderr).split('\n').filter((line) => /\[(warn|fail)\]/.test(line));
    assert.doesNotMatch(stdout, /\[fail\]/, stdout);
    const about = findings
      .map((line) => /^\((\w+)\) (\S+)/.exec(line))
      .map((match) => `${match?.[1]} ${match?.[2]}`);
    assert.deepEqual(about, ['kex curve25519-sha256', 'kex curve25519-sha256@libssh.org'], stdout);
    assert.equal(code, 2, 'warnings, no failures');
  });
});
