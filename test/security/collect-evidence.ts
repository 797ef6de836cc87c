import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { until } from '../support/gateway.ts';
import { type Evidence, processTree } from './evidence.ts';

export async function collectMetrics(url: string, evidence: Evidence): Promise<void> {
  for (const path of ['/metrics', '/readyz']) evidence.add(path, await (await fetch(url + path)).text());
}

/** Command lines of a process and of what it has started, their environment, and a diagnostic report. */
export async function collectProcesses(
  who: string,
  pid: number,
  reports: string,
  evidence: Evidence,
): Promise<void> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  for (const each of await processTree(pid, pids)) {
    const read = (file: string) => readFile(`/proc/${each}/${file}`).catch(() => '');
    evidence.add(`command line of ${each === pid ? who : 'a child'}`, await read('cmdline'));
    if (each !== pid) evidence.add('environment of a child', await read('environ'));
  }
  process.kill(pid, 'SIGUSR2');
  const report = await until(async () => (await readdir(reports))[0]);
  await until(async () => {
    const text = await readFile(join(reports, report), 'utf8');
    if (!text.trimEnd().endsWith('}')) return undefined;
    evidence.add('diagnostic report', text);
    return true;
  });
}

/** Every table but the two columns that hold keys of signatures, and what PostgreSQL shows of its sessions. */
export async function collectTables(url: string, evidence: Evidence): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('piing', 'public')`,
    );
    for (const { name } of rows) {
      const found = await client.query(`SELECT to_jsonb(t) - 'secret' - 'jwk' AS row FROM ${name} t`);
      evidence.add(`table ${name}`, found.rows.map(({ row }) => JSON.stringify(row)).join('\n'));
    }
    const activity = await client.query('SELECT query, application_name FROM pg_stat_activity');
    evidence.add('pg_stat_activity', JSON.stringify(activity.rows));
  });
}

export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
