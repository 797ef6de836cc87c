import assert from 'node:assert/strict';
import { join } from 'node:path';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { type RoleProcess, startRole } from '../support/role-process.ts';
import { freePort, temporaryDirectory } from '../support/servers.ts';
import { createTenant, type Tenant } from '../support/tenants.ts';
import { until } from '../support/until.ts';

const SERVER = 2;
const PRODUCER = 4;
const CONSUMER = 5;

/** Says so when the library is asked for. (Its interface, @opentelemetry/api, comes with prom-client.) */
const TELL_LIBRARY = `
import { registerHooks } from 'node:module';
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('@opentelemetry/sdk-trace')) process.stderr.write('library loaded\\n');
    return next(specifier, context);
  },
});`;

/** Gateway, API and worker as processes of their own, which know of each other by the queue alone. */
describe('Traces', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let tenant: Tenant;
  let receiver: OtlpReceiver;
  let env: Record<string, string>;
  const roles = new Map<string, RoleProcess>();
  const ports = { sftp: 0, http: 0 };

  before(async () => {
    database = await migratedDatabase();
    tenant = await createTenant(database.pool);
    receiver = await startOtlpReceiver();
    ports.sftp = await freePort();
    ports.http = await freePort();
    const directory = await temporaryDirectory('traces');
    await keepHostKeys(directory);
    env = {
      DATABASE_URL: database.url,
      PIING_RAW_STORE: join(directory, 'raw'),
      PIING_HOST_KEYS: join(directory, 'ssh_host_ed25519_key'),
      PIING_SFTP_PORT: String(ports.sftp),
      PIING_HTTP_PORT: String(ports.http),
      PIING_TRACES_ENDPOINT: receiver.endpoint,
    };
    for (const role of ['gateway', 'api', 'worker']) roles.set(role, await startRole(role, env));
  });
  after(async () => {
    for (const role of roles.values()) await role.stop();
    await database.close();
  });

  async function put(name: string, rows: number): Promise<string> {
    const sftp = await RawSftp.connect({
      host: '127.0.0.1',
      port: ports.sftp,
      username: tenant.clientId,
      password: tenant.clientSecret,
    });
    const handle = await sftp.openHandle(`/orgTransactions/${name}`);
    await sftp.write(handle, 0, transactionsCsv(rows));
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    sftp.drop();
    const found = await database.pool.query<{ id: string }>(
      'SELECT id FROM piing.uploads WHERE file_name = $1',
      [name],
    );
    return found.rows[0]?.id ?? '';
  }

  /** Every span of an upload's trace, once its processing has been told. */
  function traceOf(uploadId: string): Promise<ReceivedSpan[]> {
    const root = () =>
      receiver.spans.find(
        ({ name, attributes }) => name === 'receive upload' && attributes.get('piing.upload_id') === uploadId,
      );
    return until(async () => {
      const spans = receiver.spans.filter(({ traceId }) => traceId === root()?.traceId);
      return spans.some(({ name }) => name === 'process upload') ? spans : undefined;
    });
  }

  it('of a file sent by SFTP go from its receipt through the queue to its rows', async () => {
    const spans = await traceOf(await put('traced.csv', 50));
    const named = (name: string) => {
      const found = spans.filter((span) => span.name === name);
      assert.equal(found.length, 1, name);
      return found[0] as ReceivedSpan;
    };
    const received = named('receive upload');
    const enqueued = named('record and enqueue');
    const waited = named('wait in queue');
    const processed = named('process upload');
    const shape = spans.map(({ service, name, kind, parentSpanId, failed }) => ({
      service,
      name,
      kind,
      parent: spans.find(({ spanId }) => spanId === parentSpanId)?.name,
      failed,
    }));
    const gateway = { service: 'piing-gateway', kind: 1, failed: false };
    const worker = { service: 'piing-worker', kind: 1, failed: false };
    const expected = [
      { ...gateway, name: 'receive upload', kind: SERVER, parent: undefined },
      { ...gateway, name: 'store file', parent: 'receive upload' },
      { ...gateway, name: 'record and enqueue', kind: PRODUCER, parent: 'receive upload' },
      { ...worker, name: 'wait in queue', parent: 'record and enqueue' },
      { ...worker, name: 'process upload', kind: CONSUMER, parent: 'record and enqueue' },
      { ...worker, name: 'load rows', parent: 'process upload' },
      { ...worker, name: 'record result', parent: 'process upload' },
    ];
    const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name);
    assert.deepEqual(shape.sort(byName), expected.sort(byName));
    assert.equal(received.attributes.get('piing.organization_id'), tenant.organizationId);
    assert.equal(processed.attributes.get('piing.status'), 'COMPLETED');
    assert.ok(received.start <= enqueued.start && enqueued.end <= processed.end);
    assert.ok(waited.end - waited.start < 10n ** 10n, 'the wait is what the queue says');
  });

  it('are found from the lines that both roles log about the file', async () => {
    const id = await put('logged.csv', 5);
    const [first] = await traceOf(id);
    const lineOf = (role: string, msg: string) =>
      roles
        .get(role)
        ?.logged()
        .find((line) => line.uploadId === id && line.msg === msg);
    for (const [role, msg] of [
      ['gateway', 'file received'],
      ['worker', 'upload processed'],
    ] as const) {
      const line = await until(async () => lineOf(role, msg));
      assert.equal(line.trace_id, first?.traceId, role);
      assert.match(String(line.span_id), /^[\da-f]{16}$/);
    }
  });

  it('of a file that is refused end with the reason', async () => {
    const sftp = await RawSftp.connect({
      host: '127.0.0.1',
      port: ports.sftp,
      username: tenant.clientId,
      password: tenant.clientSecret,
    });
    const handle = await sftp.openHandle('/orgTransactions/stock.csv');
    await sftp.write(handle, 0, Buffer.from('sku,on_hand\nITM-70,12\n'));
    await sftp.close(handle);
    sftp.drop();
    const span = await until(async () =>
      receiver.spans.find(({ name, failed }) => failed && name === 'receive upload'),
    );
    assert.equal(span.parentSpanId, undefined);
  });

  it('of a file sent by HTTP begin at the API', async () => {
    const api = `http://127.0.0.1:${ports.http}/api/external`;
    const token = (await (
      await fetch(`${api}/auth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: tenant.clientId, client_secret: tenant.clientSecret }),
      })
    ).json()) as { access_token: string };
    const body = new FormData();
    body.set('schemaType', 'orgTransactions');
    body.set('file', new File([transactionsCsv(5)], 'http.csv'));
    const headers = { authorization: `Bearer ${token.access_token}` };
    const answer = await fetch(`${api}/upload`, { method: 'POST', headers, body });
    const { uploadId } = (await answer.json()) as { uploadId: string };
    const services = new Set((await traceOf(uploadId)).map(({ service }) => service));
    assert.deepEqual([...services].sort(), ['piing-api', 'piing-worker']);
  });

  it('cost nothing while nobody wants them: the library is not loaded, and logs have no ids', async () => {
    const told = {
      ...env,
      PIING_HTTP_PORT: '0',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TELL_LIBRARY)}`,
    };
    const [plain, traced] = await Promise.all([
      startRole('api', { ...told, PIING_TRACES_ENDPOINT: '' }),
      startRole('api', told),
    ]);
    await Promise.all([plain.stop(), traced.stop()]);
    assert.ok(traced.output().includes('library loaded'));
    assert.ok(!plain.output().includes('library loaded'));
    assert.ok(!plain.logged().some((line) => 'trace_id' in line));
  });

  it('that no collector takes hold up no file', async () => {
    await roles.get('worker')?.stop();
    roles.set(
      'worker',
      await startRole('worker', { ...env, PIING_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces' }),
    );
    const id = await put('untold.csv', 5);
    await until(async () => {
      const found = await database.pool.query('SELECT FROM piing.uploads WHERE id = $1 AND status = $2', [
        id,
        'COMPLETED',
      ]);
      return found.rowCount === 1 || undefined;
    });
    await until(
      async () =>
        roles
          .get('worker')
          ?.logged()
          .some(({ msg }) => msg === 'traces could not be sent') || undefined,
    );
  });
});
