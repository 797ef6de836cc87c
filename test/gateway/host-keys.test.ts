import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostKey, keepHostKeys, loadHostKeys } from '../../src/gateway/host-keys.ts';
import { refuseSsh2Addon } from '../../src/gateway/ssh2/addon-guard.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { startTestGateway } from '../support/gateway.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';

describe('Host keys', () => {
  it('are generated once, ed25519 and RSA of 3072 bits, for this user only, and kept', async () => {
    const directory = await temporaryDirectory('host-keys');
    const first = await keepHostKeys(directory);
    const second = await keepHostKeys(directory);
    assert.deepEqual(
      second.map((key) => key.publicKey),
      first.map((key) => key.publicKey),
    );
    assert.deepEqual(
      first.map((key) => key.type),
      ['ssh-ed25519', 'ssh-rsa'],
    );
    const modulus = first[1]?.publicBlob.subarray(-385) ?? Buffer.alloc(0);
    assert.equal(modulus.length - 1, 3072 / 8);
    for (const name of ['ssh_host_ed25519_key', 'ssh_host_rsa_key'])
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  });

  it('that cannot be used are named, with how to make one', async () => {
    const directory = await temporaryDirectory('bad-keys');
    const missing = join(directory, 'missing');
    await assert.rejects(loadHostKeys([missing]), new RegExp(`${missing} cannot be read`));
    const broken = join(directory, 'broken');
    await writeFile(broken, 'not a key');
    await assert.rejects(loadHostKeys([broken]), /broken cannot be used: .*ssh-keygen -t ed25519/);
  });

  it('that ssh-keygen makes are taken', async function () {
    requireClient(this, 'ssh-keygen', hasProgram('ssh-keygen'));
    const directory = await temporaryDirectory('openssh-keys');
    for (const type of ['ed25519', 'rsa']) {
      const file = join(directory, type);
      assert.equal((await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file])).code, 0);
      const [key] = await loadHostKeys([file]);
      assert.ok((await readFile(`${file}.pub`, 'utf8')).startsWith(key?.publicKey ?? '-'));
    }
  });

  it('may be PKCS#8, as openssl and Helm write them', async function () {
    requireClient(this, 'ssh-keygen', hasProgram('ssh-keygen'));
    const directory = await temporaryDirectory('pkcs8-keys');
    const pairs = {
      'ssh-ed25519': generateKeyPairSync('ed25519'),
      'ssh-rsa': generateKeyPairSync('rsa', { modulusLength: 3_072 }),
      'ecdsa-sha2-nistp256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    };
    for (const [type, { privateKey }] of Object.entries(pairs)) {
      const file = join(directory, type);
      await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      const [key] = await loadHostKeys([file]);
      assert.equal(key?.type, type);
      // OpenSSH itself does not read ed25519 in this form; see the next test.
      if (type === 'ssh-ed25519') continue;
      await chmod(file, 0o600);
      const { stdout } = await run('ssh-keygen', ['-y', '-f', file]);
      assert.equal(stdout.trim(), key?.publicKey);
    }
    const broken = join(directory, 'broken');
    await writeFile(broken, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    await assert.rejects(loadHostKeys([broken]), /broken cannot be used: .*ssh-keygen -t ed25519/);
  });

  it('of ed25519 in PKCS#8 are read whatever bytes they have', async () => {
    const directory = await temporaryDirectory('many-keys');
    const files = Array.from({ length: 500 }, (_, index) => join(directory, String(index)));
    for (const file of files)
      await writeFile(
        file,
        generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
      );
    const data = Buffer.from('data');
    for (const key of await loadHostKeys(files)) {
      const x = key.publicBlob.subarray(-32).toString('base64url');
      const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
      assert.ok(verify(null, data, publicKey, key.sign(data).subarray(-64)));
    }
  });
});

describe('A rotation of host keys', function () {
  this.timeout(60_000);

  before(function () {
    requireClient(this, 'sshpass', hasProgram('sshpass') && hasProgram('ssh'));
  });

  it('goes unnoticed by OpenSSH clients: the next key is announced and proven before it is served', async () => {
    const [old, rsa] = (await keepHostKeys(await temporaryDirectory('old'))) as [HostKey, HostKey];
    const [next, nextRsa] = (await keepHostKeys(await temporaryDirectory('next'))) as [HostKey, HostKey];
    const directory = await temporaryDirectory('known');
    const knownHosts = join(directory, 'known_hosts');
    await writeFile(knownHosts, '');

    /** Connects as a user does whose client asks no questions; returns the keys that the client then knows. */
    async function connect(hostKeys: readonly HostKey[], checking: 'accept-new' | 'yes'): Promise<string[]> {
      const gateway = await startTestGateway({ withWorker: false, hostKeys });
      try {
        const tenant = await gateway.tenant();
        const options = {
          UserKnownHostsFile: knownHosts,
          GlobalKnownHostsFile: '/dev/null',
          HostKeyAlias: 'gateway',
          StrictHostKeyChecking: checking,
          UpdateHostKeys: 'yes',
          PreferredAuthentications: 'password',
        };
        const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
        const { code, stderr } = await run(
          'sshpass',
          [
            '-e',
            'sftp',
            '-F',
            '/dev/null',
            '-P',
            String(gateway.port),
            ...flags,
            `${tenant.clientId}@127.0.0.1`,
          ],
          { env: { SSHPASS: tenant.clientSecret }, input: 'ls\nls\nbye\n' },
        );
        assert.equal(code, 0, stderr);
      } finally {
        await gateway.close();
      }
      return (await readFile(knownHosts, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ').slice(1, 3).join(' '));
    }

    await connect([old, rsa], 'accept-new');
    assert.deepEqual(new Set(await connect([old, rsa], 'yes')), new Set([old.publicKey, rsa.publicKey]));
    const learnt = await connect([old, rsa, next, nextRsa], 'yes');
    assert.ok(learnt.includes(next.publicKey) && learnt.includes(nextRsa.publicKey), learnt.join('\n'));
    const after = await connect([next, nextRsa], 'yes');
    assert.deepEqual(
      new Set(after),
      new Set([next.publicKey, nextRsa.publicKey]),
      'the old ones are forgotten',
    );
  });
});

describe('ssh2’s native addon', () => {
  it('is not there, and a gateway that finds it refuses to start', async () => {
    assert.doesNotThrow(() => refuseSsh2Addon());
    const directory = await temporaryDirectory('addon');
    const file = join(directory, 'sshcrypto.node');
    await writeFile(file, '');
    await chmod(file, 0o600);
    assert.throws(() => refuseSsh2Addon(file), /native addon crashes Node 24.*--ignore-scripts/);
  });
});
