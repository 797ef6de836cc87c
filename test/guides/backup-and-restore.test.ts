import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { testControlPlane } from '../support/control-plane.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { MINIMAL_VALUES, render } from '../support/helm.ts';
import { freePort, stopAtEnd, temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { until } from '../support/until.ts';
import { putByHttp, tokenOf } from './sending.ts';
import { assertPlayed, play, readTranscript, type Step } from './transcript.ts';

const GUIDE = 'docs/operations/backup-and-restore.md';
const ROWS = 10;

/** A real PostgreSQL with an archive of its WAL, restored to a point in time as its manual says. */
describe(GUIDE, function () {
  this.timeout(300_000);
  let directory: string;
  let archive: string;
  let server: EmbeddedPostgres;
  let gateway: StandaloneProcess;
  let steps: readonly Step[];

  before(async function () {
    requireClient(this, 'psql', hasProgram('psql'));
    directory = await temporaryDirectory('restore');
    archive = join(directory, 'pg/archive');
    server = await start('pg', ['archive_mode=on', `archive_command=cp %p ${archive}/%f`]);
    const { uid, gid } = await stat(join(directory, 'pg/data'));
    await mkdir(archive);
    await chown(archive, uid, gid);
    await query('postgres', 'CREATE DATABASE control');
    await query('postgres', 'CREATE DATABASE analytics');
    await writeFile(join(directory, 'piing'), `#!/bin/sh\nexec ${process.execPath} src/main.ts "$@"\n`, {
      mode: 0o700,
    });
    steps = readTranscript(await readFile(GUIDE, 'utf8'));
  });

  async function start(name: string, settings: readonly string[]): Promise<EmbeddedPostgres> {
    const started = await startEmbeddedPostgres({
      directory: join(directory, name),
      port: await freePort(),
      settings,
    });
    stopAtEnd(started.stop);
    return started;
  }

  const url = (database: string) => server.url.replace(/postgres$/, database);
  const environment = () => ({
    DATABASE_URL: url('control'),
    ANALYTICS_DATABASE_URL: url('analytics'),
    PIING_RAW_STORE: join(directory, 'raw'),
  });

  async function query<Row extends pg.QueryResultRow>(database: string, sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    const { rows } = await client.query<Row>(sql).finally(() => client.end());
    return rows;
  }

  const startGateway = async () => {
    gateway = await startStandalone(join(directory, 'state'), environment());
  };

  async function put(name: string, seed: number): Promise<void> {
    const token = await tokenOf(gateway);
    assert.equal(await putByHttp(gateway, token, name, transactionsCsv(ROWS, seed)), 'COMPLETED');
  }

  const loaded = async () => {
    const open = await query('control', `SELECT FROM piing.uploads WHERE status <> 'COMPLETED'`);
    return open.length === 0;
  };
  const rowCount = async () => {
    const [found] = await query<{ rows: number }>(
      'analytics',
      'SELECT count(*)::int AS rows FROM org_transactions',
    );
    return found?.rows;
  };

  /** PostgreSQL's low-level interface for base backups, which is all that `pg_basebackup` uses. */
  async function baseBackup(): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`SELECT pg_backup_start('guide', true)`);
    copy('pg', 'base');
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop()');
    await writeFile(join(directory, 'base/data/backup_label'), rows[0]?.labelfile ?? '');
    await client.end();
  }

  const copy = (from: string, to: string) =>
    assert.equal(spawnSync('cp', ['-a', join(directory, from), join(directory, to)]).status, 0);

  /** Another server with what the first one had at a time. */
  async function restoreTo(target: string): Promise<void> {
    await rm(join(directory, 'base/data/postmaster.pid'), { force: true });
    await writeFile(join(directory, 'base/data/recovery.signal'), '');
    server = await start('base', [
      `restore_command=cp ${archive}/%f %p`,
      `recovery_target_time=${target}`,
      'recovery_target_action=promote',
    ]);
  }

  const now = async () => {
    const [row] = await query<{ now: string }>('postgres', 'SELECT clock_timestamp()::text AS now');
    return row?.now ?? assert.fail();
  };

  const playGuide = async (some: readonly Step[], more: Record<string, string> = {}) =>
    assertPlayed(
      await play(some, {
        ...environment(),
        ...more,
        PIING_LOG_LEVEL: 'error',
        PATH: `${directory}:${process.env.PATH}`,
      }),
    );

  it('finds every file that was acknowledged since the restored moment', async () => {
    await startGateway();
    await put('before-the-backup.csv', 1);
    await baseBackup();
    await put('before-the-moment.csv', 2);
    const target = await now();
    await put('after-the-moment.csv', 3);
    await gateway.stop();
    await query('postgres', 'SELECT pg_switch_wal()');
    await server.stop();
    await restoreTo(target);
    assert.equal(await rowCount(), 2 * ROWS, 'the last file is not in what was restored');

    await playGuide(steps.filter(({ command }) => command.startsWith('piing uploads recover')));
    await startGateway();
    await until(async () => ((await loaded()) ? true : undefined), 60_000);
    assert.equal(await rowCount(), 3 * ROWS);
  });

  it('stops the release, and makes a Job that may recover, from what the chart renders', async function () {
    requireClient(this, 'jq', hasProgram('jq'));
    const plane = await testControlPlane();
    const namespace = 'guide-restore';
    await plane.mustKubectl(['create', 'namespace', namespace]);
    const labels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await plane.mustKubectl(['label', 'namespace', namespace, ...labels]);
    const release = (await render(MINIMAL_VALUES, { namespace })).filter(({ kind }) => kind === 'Deployment');
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: release });
    await plane.mustKubectl(['apply', '--server-side', '-f', '-'], list);

    const some = steps.filter(({ command }) => command.startsWith('kubectl'));
    assert.equal(some.length, 2);
    assertPlayed(
      await play(
        some.map((step) => ({ ...step, command: step.command.replaceAll('-n piing', `-n ${namespace}`) })),
        { PATH: `${plane.programs}:${process.env.PATH}`, KUBECONFIG: plane.kubeconfig },
      ),
    );
    const get = ['get', '-n', namespace, '-o', 'json'];
    const job = JSON.parse(await plane.mustKubectl([...get, 'job', 'piing-recover']));
    const worker = JSON.parse(await plane.mustKubectl([...get, 'deployment', 'piing-worker']));
    const [made] = job.spec.template.spec.containers;
    assert.deepEqual(made.args, ['uploads', 'recover']);
    assert.deepEqual(made.env, worker.spec.template.spec.containers[0].env);
    assert.equal(worker.spec.replicas, 0);
  }).timeout(900_000);

  it('loads again what a restored analytics database lacks', async () => {
    await gateway.stop();
    await query('postgres', 'CREATE DATABASE backup TEMPLATE analytics');
    const target = await now();
    await startGateway();
    await put('after-the-copy.csv', 4);
    await gateway.stop();
    await query('postgres', 'DROP DATABASE analytics');
    await query('postgres', 'ALTER DATABASE backup RENAME TO analytics');
    assert.equal(await rowCount(), 3 * ROWS, 'the last file is not in what was restored');

    const replay = steps.filter(({ command }) => /SINCE/.test(command));
    assert.equal(replay.length, 3);
    await playGuide(replay, { TARGET: target });
    await startGateway();
    await until(async () => ((await loaded()) ? true : undefined), 60_000);
    assert.equal(await rowCount(), 4 * ROWS);
  });
});
