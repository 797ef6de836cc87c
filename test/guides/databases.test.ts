import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { freePort, stopAtEnd, temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { putByHttp, statusOfToken, tokenOf } from './sending.ts';
import { assertPlayed, play, readTranscript } from './transcript.ts';

describe('The lines for psql of docs/operations/install.md and secrets.md', function () {
  this.timeout(180_000);
  const passwords = { PIING_PASSWORD: secret(), PIING_NEW_PASSWORD: secret() };
  let directory: string;
  let server: EmbeddedPostgres;
  let gateway: StandaloneProcess;
  let firstToken: string;

  before(async function () {
    requireClient(this, 'psql', hasProgram('psql'));
    directory = await temporaryDirectory('databases');
    server = await startEmbeddedPostgres({ directory: join(directory, 'pg'), port: await freePort() });
    stopAtEnd(server.stop);
  });
  after(async () => {
    await gateway?.stop();
  });

  function secret(): string {
    return randomBytes(16).toString('hex');
  }

  function urlOf(role: string, password: string): string {
    const url = new URL(server.url);
    Object.assign(url, { username: role, password, pathname: '/piing' });
    return url.href;
  }

  const start = async (databaseUrl: string) => {
    gateway = await startStandalone(join(directory, 'state'), { DATABASE_URL: databaseUrl });
  };

  async function playSome(page: string, which: RegExp, env: Record<string, string> = {}): Promise<void> {
    const steps = readTranscript(await readFile(`docs/operations/${page}`, 'utf8'));
    const some = steps.filter(({ command }) => which.test(command));
    assert.equal(some.length, 1, `${page} has one line with ${which}`);
    assertPlayed(
      await play(some, {
        PATH: process.env.PATH ?? '',
        ADMIN_URL: server.url,
        ...passwords,
        ...env,
      }),
    );
  }

  it('make a database that can be migrated and used', async () => {
    await playSome('install.md', /CREATE DATABASE/);
    await start(urlOf('piing_a', passwords.PIING_PASSWORD));
    firstToken = await tokenOf(gateway);
    assert.equal(await putByHttp(gateway, firstToken, 'first.csv', transactionsCsv(10, 1)), 'COMPLETED');
  });

  it('make another role for the same database, and take the first one away', async () => {
    await playSome('secrets.md', /CREATE ROLE piing_b/);
    await gateway.stop();
    await start(urlOf('piing_b', passwords.PIING_NEW_PASSWORD));
    await playSome('secrets.md', /DROP ROLE piing_a/);
    assert.equal(await statusOfToken(gateway, firstToken), 200);
    const sent = await putByHttp(gateway, firstToken, 'second.csv', transactionsCsv(10, 2));
    assert.equal(sent, 'COMPLETED');
  });

  it('end every access token when its signing key may have leaked', async () => {
    const url = urlOf('piing_b', passwords.PIING_NEW_PASSWORD);
    await playSome('secrets.md', /signing_keys/, { DATABASE_URL: url });
    await gateway.stop();
    await start(url);
    assert.equal(await statusOfToken(gateway, firstToken), 401);
    assert.equal(await statusOfToken(gateway, await tokenOf(gateway)), 200);
  });
});
