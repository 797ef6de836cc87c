import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { testControlPlane } from '../../test/support/control-plane.ts';
import { migratedDatabase } from '../../test/support/database.ts';
import { stopTestServers } from '../../test/support/servers.ts';
import { measureChanges } from './changes.ts';
import { observeCluster } from './observer.ts';
import { startOperatorProcess } from './operator-process.ts';
import { createTenants } from './tenants.ts';

const HELP = `Measures the operator on a real API server, etcd and PostgreSQL of its own.
  --organizations N   tenants, with three SchemaEnablements each (default 1000)
  --changes N         rotations, one after the other (default 200)
  --workers N         PIING_OPERATOR_WORKERS (default: the operator's own)
  --heap N            its heap in MB (default 96; more for more than 1000 organizations)`;

const { values } = parseArgs({
  options: {
    organizations: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '200' },
    workers: { type: 'string' },
    heap: { type: 'string', default: '96' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const organizations = Number(values.organizations);
  const plane = await testControlPlane();
  const database = await migratedDatabase();
  const cluster = await observeCluster(plane);
  process.stderr.write(`Making ${organizations} organizations …\n`);
  await createTenants(cluster.clients, organizations);
  process.stderr.write('Starting the operator …\n');
  const begun = performance.now();
  const operator = await startOperatorProcess(plane, database.url, {
    workers: values.workers,
    heapMegabytes: Number(values.heap),
  });
  await cluster.allReady(organizations * 4);
  const coldSeconds = (performance.now() - begun) / 1_000;
  const cold = {
    requests: await operator.requests(),
    cpu: operator.cpuSeconds(),
    memory: operator.peakMemoryBytes(),
  };
  process.stderr.write(
    `Ready after ${coldSeconds.toFixed(1)} s, ${cold.requests} requests, ${cold.cpu.toFixed(1)} s of CPU, ${megabytes(cold.memory)}. Changing ${values.changes} of them …\n`,
  );
  const latencies = await measureChanges(cluster, database.pool, organizations, Number(values.changes));
  const table = new Table({ head: ['', 'measured', 'goal'], style: { head: [], border: [] } });
  const scale = organizations / 1_000;
  table.push(
    [
      `cold start to ${organizations * 4} resources Ready`,
      `${coldSeconds.toFixed(1)} s`,
      `${60 * Math.max(1, scale)} s`,
    ],
    ['API requests until then', String(cold.requests), ''],
    ["the operator's CPU time until then", `${cold.cpu.toFixed(1)} s`, ''],
    ['its peak memory until then', megabytes(cold.memory), organizations > 1_000 ? '' : '250 MB'],
    ['rotation to login with the new secret, median', milliseconds(latencies, 0.5), '300 ms'],
    ['the same, 99th percentile', milliseconds(latencies, 0.99), ''],
    [
      'its peak memory at the end',
      megabytes(operator.peakMemoryBytes()),
      organizations > 1_000 ? '' : '250 MB',
    ],
  );
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model}, shared with the API server, etcd and PostgreSQL\n`,
  );
  process.stdout.write(`${table.toString()}\n`);
  await operator.stop();
  cluster.close();
  await database.close();
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function milliseconds(latencies: readonly number[], quantile: number): string {
  const sorted = latencies.toSorted((a, b) => a - b);
  return `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN).toFixed(0)} ms`;
}

if (values.help) {
  process.stdout.write(`${HELP}\n`);
} else {
  try {
    await main();
  } finally {
    await stopTestServers();
  }
}
process.exit();
