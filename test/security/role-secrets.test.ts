import assert from 'node:assert/strict';
import { Evidence } from './evidence.ts';
import { RoleRun } from './role-run.ts';

const ROLES = ['gateway', 'api', 'worker', 'operator'];

describe('The secrets of roles as separate processes', function () {
  this.timeout(300_000);
  const evidence = new Evidence();
  let ran: RoleRun;

  before(async function () {
    // The control plane may have to be built.
    this.timeout(1_800_000);
    ran = await RoleRun.start(evidence);
    await ran.useDoors();
    await ran.provokeErrors();
    await ran.collect();
  });
  after(() => ran?.close());

  it('are there to be found: every role has worked, and has failed', () => {
    for (const [name, secret] of Object.entries(ran.secrets)) assert.ok(secret.length >= 24, name);
    assert.ok(Object.keys(ran.secrets).length >= 14);
    for (const said of [
      'SFTP login denied',
      'HTTP login denied',
      'login could not be checked',
      'webhook attempt failed',
      'HTTP request',
      'file received',
    ])
      assert.ok(ran.output().includes(`"msg":"${said}"`), said);
    for (const role of ROLES) {
      // The operator asks the cluster before it asks the database.
      const refused = role === 'operator' ? 'Unauthorized' : 'password authentication failed';
      assert.equal(evidence.find(refused, started(role)).length, 1, role);
      assert.equal(evidence.find('DATABASE_URL', started(role)).length, 1, role);
    }
  });

  it('stand in no output, no answer, no metric, no table, no command line, no report, no resource and no trace', () => {
    for (const [name, secret] of Object.entries(ran.secrets))
      assert.deepEqual(evidence.find(secret), [], name);
  });

  it('would be found in each of these: as is everything that may be there', () => {
    const { clientId } = ran;
    for (const role of ROLES) {
      assert.ok(
        evidence.find(`main.ts\0${role}`, new RegExp(`^command line of the ${role}$`)).length > 0,
        role,
      );
      assert.ok(evidence.find(`"role":"${role}"`, new RegExp(`^output of the ${role}$`)).length > 0, role);
    }
    for (const role of ['gateway', 'api'])
      assert.ok(evidence.find(clientId, new RegExp(`^output of the ${role}$`)).length > 0, role);
    assert.equal(evidence.find('nodejsVersion', /^diagnostic report$/).length, ROLES.length);
    assert.ok(evidence.find('piing_http_limits_total', /^\/metrics$/).length > 0);
    assert.ok(evidence.find('controller_runtime_reconcile_total', /^\/metrics$/).length > 0);
    assert.ok(evidence.find(clientId, /^table piing\.credentials$/).length > 0);
    assert.ok(evidence.find(clientId, /^resources and events$/).length > 0);
    assert.ok(evidence.find('receive upload', /^traces$/).length > 0);
    assert.ok(evidence.find('vault', /^traces$/).length > 0);
  });
});

const started = (role: string) => new RegExp(`^a failed start of the ${role}$`);
