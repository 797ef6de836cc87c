import assert from 'node:assert/strict';
import { join } from 'node:path';
import { buildGoTools } from '../../tools/go-tools.mjs';
import { rowCount } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';
import { type ClientFixture, clientFixture, LARGE_ROWS } from './fixture.ts';

describe("Go's pkg/sftp", function () {
  this.timeout(600_000);
  let fixture: ClientFixture;
  let tenant: Tenant;
  let program: string;

  before(async () => {
    program = join(buildGoTools('sftp-clients'), 'gosftp');
    fixture = await clientFixture('go');
  });
  after(() => fixture?.gateway.close());
  beforeEach(async () => {
    tenant = await fixture.newTenant();
  });

  const gosftp = (...args: readonly string[]): Promise<Ran> =>
    run(
      program,
      [
        '-addr',
        `127.0.0.1:${fixture.gateway.port}`,
        '-user',
        tenant.clientId,
        '-dir',
        '/orgTransactions',
        ...args,
      ],
      { env: { SFTP_PASSWORD: tenant.clientSecret } },
    );

  async function assertPut(...flags: readonly string[]): Promise<void> {
    const { code, stderr } = await gosftp(...flags, 'put', fixture.large);
    assert.equal(code, 0, stderr);
    assert.equal((await fixture.gateway.finished(tenant)).status, 'COMPLETED');
    assert.equal(await rowCount(fixture.gateway, tenant.organizationId), LARGE_ROWS);
  }

  it('puts a file in order', () => assertPut());
  it('puts a file concurrently (UseConcurrentWrites)', () => assertPut('-concurrent'));

  for (const kex of ['mlkem768x25519-sha256', 'curve25519-sha256']) {
    it(`exchanges keys by ${kex}, and again in the middle of a file`, () =>
      assertPut('-kex', kex, '-rekey', '500000'));
  }
  for (const cipher of ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes128-ctr']) {
    it(`encrypts with ${cipher}`, () => assertPut('-ciphers', cipher));
  }

  it('agrees on post-quantum key exchange, a host key without SHA-1 and AES-GCM by itself', async () => {
    const { stdout } = await gosftp('algorithms');
    const algorithms = JSON.parse(stdout) as {
      KeyExchange: string;
      HostKey: string;
      Read: { Cipher: string };
    };
    assert.equal(algorithms.KeyExchange, 'mlkem768x25519-sha256');
    assert.ok(
      ['ssh-ed25519', 'rsa-sha2-256', 'rsa-sha2-512'].includes(algorithms.HostKey),
      algorithms.HostKey,
    );
    assert.match(algorithms.Read.Cipher, /gcm/);
  });

  it('shows why a file is refused', async () => {
    const { code, stderr } = await gosftp('put', fixture.wrong);
    assert.equal(code, 1);
    assert.match(stderr, /HEADER/);
  });
});
