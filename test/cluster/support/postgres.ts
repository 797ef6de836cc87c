import { randomBytes } from 'node:crypto';
import { chown, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../../src/database/embedded-postgres.ts';
import { stopAtEnd } from '../../support/servers.ts';
import { IMAGE } from './images.ts';
import { eventually, type Node } from './node.ts';

/** Of the database's pod; it mounts directories of the node, which a restricted namespace does not let in. */
const DATABASE_NAMESPACE = 'databases';
const POD = ['pod', 'postgres-0', `--namespace=${DATABASE_NAMESPACE}`];
const PORT = 5_432;
/** `nobody` of Debian: PostgreSQL wants an account that has a name and is not root. */
const USER_ID = 65_534;

// As in the product's own pool: counts are numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface Postgres {
  /** As pods reach it. */
  readonly databaseUrl: string;
  /** The database, as this process reaches it: by a Unix socket, which no network namespace hides. */
  readonly pool: pg.Pool;
}

/** PostgreSQL as a pod whose data lie on the node: whatever ends it, it is started again on what it left. */
export async function startPostgres(node: Node): Promise<Postgres> {
  const directory = join(node.directory, 'postgres');
  await mkdir(directory, { mode: 0o700 });
  await chown(directory, USER_ID, USER_ID);
  const password = randomBytes(24).toString('hex');
  const programs = dirname(dirname((await findBinaries()).postgres));
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DATABASE_NAMESPACE } },
    { apiVersion: 'v1', kind: 'Secret', metadata: METADATA, stringData: { password } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: METADATA,
      spec: { selector: LABELS, ports: [{ port: PORT }] },
    },
    statefulSet(directory, programs),
  ];
  await node.mustKubectl(
    ['apply', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  const pool = new pg.Pool({ host: directory, port: PORT, user: 'postgres', password, database: 'piing' });
  pool.on('error', () => undefined);
  stopAtEnd(() => pool.end());
  await eventually(() => pool.query('SELECT 1').catch(() => undefined));
  const host = `${METADATA.name}.${DATABASE_NAMESPACE}.svc`;
  return { pool, databaseUrl: `postgres://postgres:${password}@${host}:${PORT}/piing` };
}

interface Container {
  readonly id: string;
  readonly ready: boolean;
}

/** The container that runs the server, or ran it last. */
export const databaseContainer = (node: Node): Promise<Container> => eventually(() => findContainer(node));

async function findContainer({ kubectl }: Node): Promise<Container | undefined> {
  const path = '{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].ready}';
  const { code, stdout } = await kubectl(['get', ...POD, `--output=jsonpath=${path}`]);
  const [, id, ready] = /^containerd:\/\/(\w+) (true|false)$/.exec(stdout) ?? [];
  return code === 0 && id ? { id, ready: ready === 'true' } : undefined;
}

/** Until there is another container than that one, and it is ready. */
export async function untilOtherDatabase(node: Node, former: string): Promise<void> {
  await eventually(async () => {
    const now = await findContainer(node);
    return now?.ready && now.id !== former ? true : undefined;
  });
}

/** Sessions are open, so that the server does not stop within this second, and is killed. Without it two would run. */
export async function killDatabasePod({ mustKubectl }: Node): Promise<void> {
  await mustKubectl(['delete', ...POD, '--now']);
}

const METADATA = { name: 'postgres', namespace: DATABASE_NAMESPACE };
const LABELS = { app: 'postgres' };

/** As process 1, so that signals are the server's; what it does not start with is made first. */
const START = `
if [ ! -s /data/server/PG_VERSION ]; then
  initdb --pgdata=/data/server --username=postgres --pwfile=<(printf %s "$PASSWORD") --auth=scram-sha-256 \\
    --encoding=UTF8 --locale=C --no-sync
  echo 'host all all 10.0.0.0/8 scram-sha-256' >>/data/server/pg_hba.conf
  echo 'CREATE DATABASE piing' | postgres --single -D /data/server postgres
fi
exec postgres -D /data/server -p ${PORT} -c listen_addresses=* -c unix_socket_directories=/data \\
  -c max_connections=200 -c fsync=off`;

/** Of one pod; a new one comes only when the one before has ended, so that never two have the same data. */
function statefulSet(data: string, programs: string): object {
  const container = {
    name: 'postgres',
    // For its C library; PostgreSQL comes from the machine, like every other program that is not the product's.
    image: IMAGE,
    imagePullPolicy: 'Never',
    command: ['bash', '-ec', START],
    env: [
      { name: 'PATH', value: '/programs/bin:/usr/bin:/bin' },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: METADATA.name, key: 'password' } } },
    ],
    securityContext: { runAsUser: USER_ID, runAsGroup: USER_ID },
    readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'programs', mountPath: '/programs', readOnly: true },
    ],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: METADATA,
    spec: {
      serviceName: METADATA.name,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          containers: [container],
          volumes: [
            { name: 'data', hostPath: { path: data, type: 'Directory' } },
            { name: 'programs', hostPath: { path: programs, type: 'Directory' } },
          ],
        },
      },
    },
  };
}
