import { readFileSync } from 'node:fs';
import { cpuSeconds } from '../sftp/processes.ts';
import type { Bench } from './piing.ts';

const MB = 1e6;

/** What one load took. */
export interface Sample {
  readonly wall: number;
  /** Of whoever feeds PostgreSQL: the worker, psql or pgloader. */
  readonly client: number;
  readonly postgres: number;
  /** Resident, in MB, of the worker; it has no meaning for others. */
  readonly peak: number;
}

/** Runs a load after a vacuum and a checkpoint, so that none pays for what another has left. */
export async function measure(
  bench: Bench,
  who: 'worker' | 'child',
  load: () => Promise<void>,
): Promise<Sample> {
  await bench.pool.query('VACUUM public.org_transactions');
  await bench.pool.query('CHECKPOINT');
  const clientSeconds = () => (who === 'worker' ? cpuSeconds(bench.workerPid) : childSeconds());
  const before = { client: clientSeconds(), postgres: cpuSeconds(bench.postgresPid) };
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMemory(bench.workerPid));
  }, 25);
  const begun = performance.now();
  await load();
  const wall = (performance.now() - begun) / 1_000;
  clearInterval(watch);
  return {
    wall,
    client: clientSeconds() - before.client,
    postgres: cpuSeconds(bench.postgresPid) - before.postgres,
    peak: peak / MB,
  };
}

/** Of this process's children that have ended. */
function childSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function residentMemory(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return pages * 4_096;
}
