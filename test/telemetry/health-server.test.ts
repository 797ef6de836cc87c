import assert from 'node:assert/strict';
import {
  type HealthServer,
  type ReadinessCheck,
  startHealthServer,
} from '../../src/telemetry/health-server.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

describe('The health server', () => {
  let server: HealthServer;
  let database: ReadinessCheck;

  beforeEach(async () => {
    database = async () => undefined;
    const checks = { database: () => database() };
    server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry: createMetrics({ schemaTypes: ['orgShifts'] }).registry,
      checks,
    });
    server.ready();
  });
  afterEach(() => server.close());

  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('is live and ready while every check passes', async () => {
    assert.deepEqual(await get('/livez'), { status: 200, text: 'ok\n' });
    assert.deepEqual(await get('/readyz'), { status: 200, text: 'ok\n' });
  });

  it('stays live, but says what is missing, while a check fails', async () => {
    database = () => Promise.reject(new Error('no answer'));
    assert.equal((await get('/livez')).status, 200);
    assert.deepEqual(await get('/readyz'), { status: 503, text: 'database: no answer\n' });
  });

  it('does not wait for ever on a check that hangs', async function () {
    this.timeout(10_000);
    database = () => new Promise(() => undefined);
    assert.match((await get('/readyz')).text, /database: no answer within 3000 ms/);
  });

  it('is not ready before it has been told that everything has started', async () => {
    const checks = { database: () => database() };
    const starting = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry: createMetrics().registry,
      checks,
    });
    const response = await fetch(`http://127.0.0.1:${starting.port}/readyz`);
    assert.deepEqual([response.status, await response.text()], [503, 'starting\n']);
    await starting.close();
  });

  it('is not ready while it drains', async () => {
    server.drain('SIGTERM');
    assert.deepEqual(await get('/readyz'), { status: 503, text: 'draining: SIGTERM\n' });
  });

  it('serves metrics whose known series start at zero', async () => {
    const { text } = await get('/metrics');
    assert.match(
      text,
      /^piing_uploads_total\{source="sftp",outcome="received",schema_type="orgShifts"\} 0$/m,
    );
    assert.match(text, /^process_resident_memory_bytes \d+/m);
  });

  it('answers other paths with where to look', async () => {
    assert.equal((await get('/')).status, 404);
  });
});
