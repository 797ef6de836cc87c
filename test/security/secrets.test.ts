import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Evidence, formsOf } from './evidence.ts';
import { SecretRun } from './secret-run.ts';

/** Where secrets are kept, below the data directory: each for this user only. */
const KEPT = /^(credentials\/|webhook-secrets\/|host-keys\/|postgres\/password$|endpoints\.json$)/;
/** PostgreSQL's own files have what its tables have: the keys of signatures, which cannot be hashed. */
const IN_DATABASE = ['webhook secret', 'signing key'];

describe('The secrets of a gateway', function () {
  this.timeout(300_000);
  const evidence = new Evidence();
  const files = new Evidence();
  let ran: SecretRun;

  before(async () => {
    ran = await SecretRun.start(evidence);
    await ran.useDoors();
    await ran.provokeErrors();
    await ran.collect();
  });
  after(async () => {
    await ran?.gateway.stop();
    await ran?.receiver.close();
  });

  it('are there to be found: the run has used every kind, and has failed in every way', () => {
    for (const [name, secret] of Object.entries(ran.secrets)) assert.ok(secret.length >= 24, name);
    assert.ok(Object.keys(ran.secrets).length >= 12);
    const output = ran.gateway.output();
    for (const said of [
      'SFTP login',
      'SFTP login denied',
      'HTTP login denied',
      'login could not be checked',
      'webhook attempt failed',
      'HTTP request',
    ])
      assert.ok(output.includes(`"msg":"${said}"`), said);
    assert.ok(evidence.size > 100_000, `${evidence.size} bytes`);
  });

  it('are told once, on the terminal, when they are made', () => {
    for (const name of ['client secret', 'webhook secret'])
      assert.equal(ran.gateway.output().split(ran.secrets[name] ?? '').length - 1, 1, name);
  });

  it('stand in no log, no answer, no metric, no table, no command line, no environment and no report', () => {
    const announced = /^output \(plain\)$/;
    for (const [name, secret] of Object.entries(ran.secrets)) {
      const found = evidence.find(secret);
      const told = ['client secret', 'webhook secret'].includes(name);
      assert.deepEqual(
        found.filter((where) => !(told && announced.test(where))),
        [],
        name,
      );
    }
  });

  it('would be found, in any form: as is everything that may be there', () => {
    const { clientId, gateway } = ran;
    assert.ok(evidence.find(clientId, /^output$/).length > 0);
    assert.ok(evidence.find(clientId, /^table piing\.credentials$/).length > 0);
    assert.ok(evidence.find('piing_http_limits_total', /^\/metrics$/).length > 0);
    assert.ok(
      evidence.find(new URL(gateway.endpoints.database.url).port, /^command line of a child$/).length > 0,
    );
    assert.ok(evidence.find('LC_ALL=C', /^environment of a child$/).length > 0);
    assert.ok(evidence.find('nodejsVersion', /^diagnostic report$/).length > 0);
    const secret = ran.secrets['client secret'] ?? '';
    for (const [form, text] of Object.entries(formsOf(secret))) {
      const planted = new Evidence();
      planted.add('log', `{"msg":"before ${text} behind"}`);
      assert.ok(planted.find(secret).length > 0, form);
    }
    for (const user of ['u', 'us', 'use']) {
      const planted = new Evidence();
      planted.add('header', Buffer.from(`${user}:${secret}`).toString('base64'));
      assert.equal(planted.find(secret).length, 1, user);
    }
  });

  it('stand in no file of the data directory but those made for them, which are for its user only', async () => {
    const directory = ran.gateway.dataDirectory;
    const kept: string[] = [];
    for (const path of await readdir(directory, { recursive: true })) {
      const entry = await stat(join(directory, path));
      if (!entry.isFile()) continue;
      if (!KEPT.test(path)) files.add(path, await readFile(join(directory, path)));
      else if (!path.endsWith('.pub')) {
        kept.push(path);
        assert.equal(entry.mode & 0o077, 0, path);
      }
    }
    assert.ok(kept.length >= 6, kept.join(', '));
    const inPostgres = /^postgres\/data\//;
    assert.ok(files.find(ran.clientId, inPostgres).length > 0, 'the tables are looked through');
    for (const [name, secret] of Object.entries(ran.secrets)) {
      const found = files.find(secret);
      const allowed = IN_DATABASE.includes(name) ? found.filter((where) => !inPostgres.test(where)) : found;
      assert.deepEqual(allowed, [], name);
    }
  });
});
