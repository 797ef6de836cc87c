import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildPage } from '../../tools/build-page.mjs';
import { stopAtEnd, temporaryDirectory } from '../support/servers.ts';
import { until } from '../support/until.ts';

export interface Demo {
  /** What it says at the end of the day, of all organizations together. */
  readonly told: {
    readonly received: number;
    readonly abandoned: number;
    readonly statuses: ReadonlyMap<string, number>;
    readonly rowsLoaded: number;
  };
  stop(): Promise<void>;
}

/** Plays the day of `npm run demo` and leaves its gateway running. `onStart` is told where its metrics are. */
export async function playDemo(
  { paceSeconds }: { readonly paceSeconds: number },
  onStart: (metricsAddress: string) => Promise<void>,
): Promise<Demo> {
  const data = join(await temporaryDirectory('demo-metrics'), 'data');
  const page = await buildPage();
  const child = spawn(
    process.execPath,
    ['tools/demo/main.ts', '--pace', String(paceSeconds), '--day', '2026-02-20', '--data', data],
    {
      env: {
        PATH: process.env.PATH,
        PIING_SFTP_PORT: '0',
        PIING_HTTP_PORT: '0',
        PIING_METRICS_PORT: '0',
        PIING_PAGE_DIR: page,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  stopAtEnd(stop);
  const told = (pattern: RegExp) =>
    until(async () => {
      assert.equal(child.exitCode, null, output);
      return pattern.exec(output)?.[1];
    }, 120_000);
  await onStart(await told(/^Metrics +http:\/\/(\S+)\/metrics$/m));
  await told(/^(The day is over)/m);
  return { told: read(output), stop };
}

function read(output: string): Demo['told'] {
  const statuses = new Map<string, number>();
  for (const [, counts] of output.matchAll(/^[\w-]+: \d+ uploads \((.*)\), /gm))
    for (const [, count, status = ''] of (counts ?? '').matchAll(/(\d+) ([A-Z_]+)/g))
      statuses.set(status, (statuses.get(status) ?? 0) + Number(count));
  const abandoned = statuses.get('ABANDONED') ?? 0;
  statuses.delete('ABANDONED');
  const loaded = [...output.matchAll(/, (\d+) rows loaded$/gm)].map(([, rows]) => Number(rows));
  const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);
  return { received: sum(statuses.values()), abandoned, statuses, rowsLoaded: sum(loaded) };
}
