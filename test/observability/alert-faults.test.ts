import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { PoolClient } from 'pg';
import { stringify } from 'yaml';
import { hasProgram, requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { NAMESPACE, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { type RoleProcess, startRole } from '../support/role-process.ts';
import { freePort, temporaryDirectory } from '../support/servers.ts';
import { createTenant, type Tenant } from '../support/tenants.ts';
import { until } from '../support/until.ts';
import { hastened, readRules, ruleFiles } from './rules.ts';

/** A real API and a real worker, real faults, and a real Prometheus with the shipped rules, whose clock goes faster. */
describe('The most important alerts fire when', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let tenant: Tenant;
  let prometheus: Prometheus;
  let raw: string;
  let http: number;
  let env: Record<string, string>;
  const roles = new Map<string, RoleProcess>();

  before(async function () {
    requireClient(this, 'prometheus', hasProgram('prometheus'));
    database = await migratedDatabase();
    tenant = await createTenant(database.pool);
    const directory = await temporaryDirectory('faults');
    raw = join(directory, 'raw');
    http = await freePort();
    env = { DATABASE_URL: database.url, PIING_RAW_STORE: raw, PIING_HTTP_PORT: String(http) };
    for (const role of ['api', 'worker']) roles.set(role, await startRole(role, env));
    const rules: string[] = [];
    for (const file of await ruleFiles()) {
      const copy = join(directory, basename(file));
      await writeFile(copy, stringify(hastened(await readRules(file))));
      rules.push(copy);
    }
    const targets = [...roles.values()].map(({ metricsAddress }) => ({ address: metricsAddress }));
    prometheus = await startPrometheus(targets, rules);
    await prometheus.scraped();
  });
  after(async () => {
    await prometheus?.stop();
    for (const role of roles.values()) await role.stop();
    await database?.close();
  });

  const api = () => `http://127.0.0.1:${http}/api/external`;
  const logIn = () =>
    fetch(`${api()}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: tenant.clientId, client_secret: tenant.clientSecret }),
    });

  async function send(name: string): Promise<Response> {
    const { access_token } = (await (await logIn()).json()) as { access_token: string };
    const body = new FormData();
    body.set('schemaType', 'orgTransactions');
    body.set('file', new File([transactionsCsv(5)], name));
    return fetch(`${api()}/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}` },
      body,
    });
  }

  /** Waits until the alert fires, doing what brings it about now and then. */
  async function fires(alertname: string, labels: Record<string, string>, provoke?: () => Promise<unknown>) {
    const alert = await until(async () => {
      await provoke?.();
      await new Promise((resolve) => setTimeout(resolve, 250));
      return (await prometheus.alerts()).find(
        (found) =>
          found.state === 'firing' &&
          Object.entries({ alertname, namespace: NAMESPACE, ...labels }).every(
            ([label, value]) => found.labels[label] === value,
          ),
      );
    }, 60_000);
    assert.equal(alert.annotations.runbook_url, `docs/runbooks/${alertname}.md`);
    return alert;
  }

  const isQuiet = async (alertname: string) =>
    !(await prometheus.alerts()).some(({ labels }) => labels.alertname === alertname);

  async function lockTable(): Promise<PoolClient> {
    const client = await database.pool.connect();
    await client.query('BEGIN; LOCK TABLE org_transactions IN ACCESS EXCLUSIVE MODE');
    return client;
  }

  it('nothing is wrong: none of them', async () => {
    assert.equal((await send('fine.csv')).status, 202);
    await prometheus.scraped();
    const names = [
      'PiingLoginErrorBudgetBurn',
      'PiingAcknowledgementErrorBudgetBurn',
      'PiingUploadsUnprocessed',
    ];
    for (const name of [...names, 'PiingProcessingLatencyBudgetBurn']) assert.ok(await isQuiet(name), name);
  });

  it('files cannot be stored: PiingAcknowledgementErrorBudgetBurn', async () => {
    await rename(raw, `${raw}.away`);
    await writeFile(raw, 'a file where the directory was');
    await fires('PiingAcknowledgementErrorBudgetBurn', { severity: 'critical', long: '1h' }, async () => {
      assert.equal((await send('refused.csv')).status, 503);
    });
    await rename(raw, `${raw}.file`);
    await rename(`${raw}.away`, raw);
  });

  it('an acknowledged file is not processed: PiingUploadsUnprocessed, and then that it took too long', async () => {
    const lock = await lockTable();
    assert.equal((await send('stuck.csv')).status, 202);
    // What the clock would do in a quarter of an hour.
    await database.pool.query(`UPDATE piing.jobs SET created_at = created_at - interval '16 minutes'`);
    const alert = await fires('PiingUploadsUnprocessed', { severity: 'critical' });
    assert.match(
      alert.annotations.description ?? '',
      /^The oldest acknowledged file in test has had no final status for 16m/,
    );
    await lock.query('ROLLBACK');
    lock.release();
    await fires('PiingProcessingLatencyBudgetBurn', { severity: 'critical', long: '1h' });
    await until(async () => (await isQuiet('PiingUploadsUnprocessed')) || undefined);
  });

  it('logins cannot be decided: PiingLoginErrorBudgetBurn', async () => {
    await database.administer(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} ALLOW_CONNECTIONS false`,
    );
    await database.administer(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${new URL(database.url).pathname.slice(1)}'`,
    );
    await fires('PiingLoginErrorBudgetBurn', { severity: 'critical', long: '1h' }, async () => {
      assert.equal((await logIn()).status, 503);
    });
    await database.administer(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} ALLOW_CONNECTIONS true`,
    );
    await until(async () => ((await logIn()).ok ? true : undefined));
  });

  it('no worker is left: PiingRoleMissing', async () => {
    await roles.get('worker')?.stop('SIGKILL');
    await fires('PiingRoleMissing', { severity: 'critical', role: 'worker' });
  });
});
